// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from './AccessControl.sol';
import {Erc20} from './Erc20.sol';
import {Signatures} from './Signatures.sol';

/// LPT: an ERC-20 with roles for minting and burning, and ERC-2612 permits.
contract LivepeerToken is Erc20('Livepeer Token', 'LPT', 18), AccessControl {
    bytes32 private constant MINTER_ROLE = keccak256('MINTER_ROLE');
    bytes32 private constant BURNER_ROLE = keccak256('BURNER_ROLE');
    bytes32 private constant DOMAIN =
        keccak256('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)');
    bytes32 private constant PERMIT =
        keccak256('Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)');

    mapping(address => uint256) public nonces;

    event Mint(address indexed to, uint256 amount);
    event Burn(address indexed burner, uint256 amount);

    constructor() {
        give(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        create(to, amount);
        emit Mint(to, amount);
    }

    function burn(uint256 amount) external onlyRole(BURNER_ROLE) {
        destroy(msg.sender, amount);
        emit Burn(msg.sender, amount);
    }

    function burnFrom(address from, uint256 amount) external onlyRole(BURNER_ROLE) {
        spendAllowance(from, msg.sender, amount);
        destroy(from, amount);
        emit Burn(from, amount);
    }

    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        require(block.timestamp <= deadline, 'ERC20Permit: expired deadline');
        bytes32 message = keccak256(abi.encode(PERMIT, owner, spender, value, nonces[owner]++, deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex'1901', DOMAIN_SEPARATOR(), message));
        require(Signatures.recover(digest, v, r, s) == owner, 'ERC20Permit: invalid signature');
        setAllowance(owner, spender, value);
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return
            keccak256(
                abi.encode(DOMAIN, keccak256(bytes(name)), keccak256('1'), block.chainid, address(this))
            );
    }

    /// ERC-5267: what permits are signed over.
    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return (hex'0f', name, '1', block.chainid, address(this), 0, new uint256[](0));
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        // ERC-165 and AccessControl
        return interfaceId == 0x01ffc9a7 || interfaceId == 0x7965db0b;
    }
}
