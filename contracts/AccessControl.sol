// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Roles that accounts hold; the holders of a role's admin role give and take it.
abstract contract AccessControl {
    bytes32 public constant DEFAULT_ADMIN_ROLE = 0;

    mapping(bytes32 => mapping(address => bool)) private holders;
    mapping(bytes32 => bytes32) private admins;

    event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);

    modifier onlyRole(bytes32 role) {
        requireRole(role, msg.sender);
        _;
    }

    function hasRole(bytes32 role, address account) public view returns (bool) {
        return holders[role][account];
    }

    function getRoleAdmin(bytes32 role) public view returns (bytes32) {
        return admins[role];
    }

    function grantRole(bytes32 role, address account) external onlyRole(getRoleAdmin(role)) {
        give(role, account);
    }

    function revokeRole(bytes32 role, address account) external onlyRole(getRoleAdmin(role)) {
        take(role, account);
    }

    function renounceRole(bytes32 role, address account) external {
        require(account == msg.sender, 'AccessControl: can only renounce roles for self');
        take(role, account);
    }

    function give(bytes32 role, address account) internal {
        if (holders[role][account]) return;
        holders[role][account] = true;
        emit RoleGranted(role, account, msg.sender);
    }

    function take(bytes32 role, address account) private {
        if (!holders[role][account]) return;
        holders[role][account] = false;
        emit RoleRevoked(role, account, msg.sender);
    }

    function setRoleAdmin(bytes32 role, bytes32 admin) internal {
        emit RoleAdminChanged(role, admins[role], admin);
        admins[role] = admin;
    }

    function requireRole(bytes32 role, address account) internal view {
        if (holders[role][account]) return;
        string memory who = hexText(abi.encodePacked(account));
        string memory what = hexText(abi.encodePacked(role));
        revert(string.concat('AccessControl: account ', who, ' is missing role ', what));
    }

    function hexText(bytes memory raw) private pure returns (string memory) {
        bytes16 digits = '0123456789abcdef';
        bytes memory text = new bytes(2 + 2 * raw.length);
        text[0] = '0';
        text[1] = 'x';
        for (uint256 i = 0; i < raw.length; i++) {
            text[2 + 2 * i] = digits[uint8(raw[i]) >> 4];
            text[3 + 2 * i] = digits[uint8(raw[i]) & 15];
        }
        return string(text);
    }
}
