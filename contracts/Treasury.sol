// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from './AccessControl.sol';

/// Holds LPT and ETH, and does what a vote decided: proposers schedule calls, executors run them
/// after the delay.
contract Treasury is AccessControl {
    bytes32 public constant TIMELOCK_ADMIN_ROLE = keccak256('TIMELOCK_ADMIN_ROLE');
    bytes32 public constant PROPOSER_ROLE = keccak256('PROPOSER_ROLE');
    bytes32 public constant EXECUTOR_ROLE = keccak256('EXECUTOR_ROLE');
    bytes32 public constant CANCELLER_ROLE = keccak256('CANCELLER_ROLE');
    uint256 private constant DONE = 1;

    /// When an operation may run: 0 never scheduled, 1 done.
    mapping(bytes32 => uint256) private timestamps;
    uint256 private minDelay;
    bool private initialized;

    event Initialized(uint8 version);
    event MinDelayChange(uint256 oldDuration, uint256 newDuration);
    event CallScheduled(
        bytes32 indexed id,
        uint256 indexed index,
        address target,
        uint256 value,
        bytes data,
        bytes32 predecessor,
        uint256 delay
    );
    event CallSalt(bytes32 indexed id, bytes32 salt);
    event CallExecuted(bytes32 indexed id, uint256 indexed index, address target, uint256 value, bytes data);
    event Cancelled(bytes32 indexed id);

    /// A role that the zero address holds is open to all.
    modifier onlyRoleOrOpen(bytes32 role) {
        if (!hasRole(role, address(0))) requireRole(role, msg.sender);
        _;
    }

    receive() external payable {}

    function initialize(
        uint256 delay,
        address[] calldata proposers,
        address[] calldata executors,
        address admin
    ) external {
        require(!initialized, 'Initializable: contract is already initialized');
        initialized = true;
        setRoleAdmin(TIMELOCK_ADMIN_ROLE, TIMELOCK_ADMIN_ROLE);
        setRoleAdmin(PROPOSER_ROLE, TIMELOCK_ADMIN_ROLE);
        setRoleAdmin(EXECUTOR_ROLE, TIMELOCK_ADMIN_ROLE);
        setRoleAdmin(CANCELLER_ROLE, TIMELOCK_ADMIN_ROLE);
        give(TIMELOCK_ADMIN_ROLE, address(this));
        if (admin != address(0)) give(TIMELOCK_ADMIN_ROLE, admin);
        for (uint256 i = 0; i < proposers.length; i++) {
            give(PROPOSER_ROLE, proposers[i]);
            give(CANCELLER_ROLE, proposers[i]);
        }
        for (uint256 i = 0; i < executors.length; i++) give(EXECUTOR_ROLE, executors[i]);
        minDelay = delay;
        emit MinDelayChange(0, delay);
        emit Initialized(1);
    }

    function scheduleBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    ) external onlyRole(PROPOSER_ROLE) {
        require(
            targets.length == values.length && targets.length == payloads.length,
            'TimelockController: length mismatch'
        );
        bytes32 id = hashOperationBatch(targets, values, payloads, predecessor, salt);
        require(!isOperation(id), 'TimelockController: operation already scheduled');
        require(delay >= minDelay, 'TimelockController: insufficient delay');
        timestamps[id] = block.timestamp + delay;
        for (uint256 i = 0; i < targets.length; i++) {
            emit CallScheduled(id, i, targets[i], values[i], payloads[i], predecessor, delay);
        }
        if (salt != 0) emit CallSalt(id, salt);
    }

    function executeBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external payable onlyRoleOrOpen(EXECUTOR_ROLE) {
        bytes32 id = hashOperationBatch(targets, values, payloads, predecessor, salt);
        require(isOperationReady(id), 'TimelockController: operation is not ready');
        require(
            predecessor == 0 || isOperationDone(predecessor),
            'TimelockController: missing dependency'
        );
        for (uint256 i = 0; i < targets.length; i++) {
            (bool ok, ) = targets[i].call{value: values[i]}(payloads[i]);
            require(ok, 'TimelockController: underlying transaction reverted');
            emit CallExecuted(id, i, targets[i], values[i], payloads[i]);
        }
        require(isOperationReady(id), 'TimelockController: operation is not ready');
        timestamps[id] = DONE;
    }

    function cancel(bytes32 id) external onlyRole(CANCELLER_ROLE) {
        require(isOperationPending(id), 'TimelockController: operation cannot be cancelled');
        delete timestamps[id];
        emit Cancelled(id);
    }

    function updateDelay(uint256 newDelay) external {
        require(msg.sender == address(this), 'TimelockController: caller must be timelock');
        emit MinDelayChange(minDelay, newDelay);
        minDelay = newDelay;
    }

    function getMinDelay() external view returns (uint256) {
        return minDelay;
    }

    function getTimestamp(bytes32 id) public view returns (uint256) {
        return timestamps[id];
    }

    function isOperation(bytes32 id) public view returns (bool) {
        return timestamps[id] > 0;
    }

    function isOperationPending(bytes32 id) public view returns (bool) {
        return timestamps[id] > DONE;
    }

    function isOperationReady(bytes32 id) public view returns (bool) {
        return isOperationPending(id) && timestamps[id] <= block.timestamp;
    }

    function isOperationDone(bytes32 id) public view returns (bool) {
        return timestamps[id] == DONE;
    }

    function hashOperationBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(targets, values, payloads, predecessor, salt));
    }
}
