// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Who signed: only the lower of the two forms of a signature counts, and v is 27 or 28.
library Signatures {
    /// Half the order of secp256k1.
    uint256 private constant S_MAX = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// The signer of a personal message of 32 bytes; `signature` is r, s, v in 65 bytes.
    function personalSigner(bytes32 message, bytes memory signature) internal pure returns (address) {
        require(signature.length == 65, 'INVALID_SIGNATURE_LENGTH');
        bytes32 r;
        bytes32 s;
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        bytes32 digest = keccak256(abi.encodePacked('\x19Ethereum Signed Message:\n32', message));
        return recover(digest, uint8(signature[64]), r, s);
    }

    function recover(bytes32 digest, uint8 v, bytes32 r, bytes32 s) internal pure returns (address signer) {
        require(uint256(s) <= S_MAX, "ECDSA: invalid signature 's' value");
        if (v == 27 || v == 28) signer = ecrecover(digest, v, r, s);
        require(signer != address(0), 'ECDSA: invalid signature');
    }
}
