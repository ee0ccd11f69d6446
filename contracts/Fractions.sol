// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Shares of amounts on the three scales of the protocol. Every step rounds down, so a share given
/// as numerator and denominator is rounded twice: once to the scale, once to the amount.
library Fractions {
    /// Cuts, fee shares, the lock period, quorum and quota.
    uint256 internal constant MILLION = 1e6;
    /// Inflation and shares of the mintable tokens.
    uint256 internal constant BILLION = 1e9;
    /// Cumulative factors of earnings pools and the treasury's share.
    uint256 internal constant ONE = 1e27;

    /// Whether `share` is at most the whole.
    function isShare(uint256 share, uint256 scale) internal pure returns (bool) {
        return share <= scale;
    }

    /// `numerator / denominator` on the scale.
    function ratio(uint256 numerator, uint256 denominator, uint256 scale) internal pure returns (uint256) {
        return (numerator * scale) / denominator;
    }

    /// `share` of `amount`.
    function part(uint256 amount, uint256 share, uint256 scale) internal pure returns (uint256) {
        return (amount * share) / scale;
    }

    /// `numerator / denominator` of `amount`.
    function part(
        uint256 amount,
        uint256 numerator,
        uint256 denominator,
        uint256 scale
    ) internal pure returns (uint256) {
        return part(amount, ratio(numerator, denominator, scale), scale);
    }
}
