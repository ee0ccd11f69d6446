// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// A price as an AggregatorV3 feed tells it, set by whoever deployed it.
contract PriceFeed {
    struct Round {
        int256 answer;
        uint256 updatedAt;
    }

    string public description;
    uint8 public immutable decimals;
    uint256 public constant version = 4;
    address public immutable owner = msg.sender;
    uint80 private latest;
    mapping(uint80 => Round) private rounds;

    constructor(string memory what, uint8 places, int256 answer) {
        description = what;
        decimals = places;
        append(answer, block.timestamp);
    }

    /// `updatedAt` in the past makes a stale feed.
    function setAnswer(int256 answer, uint256 updatedAt) external {
        require(msg.sender == owner, 'only the owner sets prices');
        append(answer, updatedAt);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latest);
    }

    function getRoundData(uint80 id) public view returns (uint80, int256, uint256, uint256, uint80) {
        Round storage round = rounds[id];
        require(round.updatedAt > 0, 'No data present');
        return (id, round.answer, round.updatedAt, round.updatedAt, id);
    }

    function append(int256 answer, uint256 updatedAt) private {
        latest += 1;
        rounds[latest] = Round(answer, updatedAt);
    }
}
