// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Accounts in descending order of their keys, at most `maxSize` of them. A hint names the future
/// neighbours; a wrong one costs gas and nothing else. An account that comes (back) in without a
/// hint stands before those with the same key.
library SortedList {
    struct Node {
        uint256 key;
        /// The neighbour with the larger key.
        address previous;
        /// The neighbour with the smaller key.
        address next;
    }

    struct List {
        address head;
        address tail;
        uint256 maxSize;
        uint256 size;
        mapping(address => Node) nodes;
    }

    struct Hint {
        address previous;
        address next;
    }

    function setMaxSize(List storage list, uint256 maxSize) internal {
        require(maxSize > list.maxSize, 'new max size must be greater than old max size');
        list.maxSize = maxSize;
    }

    function isFull(List storage list) internal view returns (bool) {
        return list.size >= list.maxSize;
    }

    /// A node in the list has a key, never zero.
    function contains(List storage list, address id) internal view returns (bool) {
        return list.nodes[id].key > 0;
    }

    function insert(List storage list, address id, uint256 key, Hint memory hint) internal {
        require(!isFull(list), 'list is full');
        require(!contains(list, id), 'node already in list');
        require(id != address(0), 'node id is null');
        require(key > 0, 'key is zero');
        (address previous, address next) = position(list, key, hint);
        list.nodes[id] = Node(key, previous, next);
        if (previous == address(0)) list.head = id;
        else list.nodes[previous].next = id;
        if (next == address(0)) list.tail = id;
        else list.nodes[next].previous = id;
        list.size += 1;
    }

    function remove(List storage list, address id) internal {
        require(contains(list, id), 'node not in list');
        Node memory node = list.nodes[id];
        if (node.previous == address(0)) list.head = node.next;
        else list.nodes[node.previous].next = node.next;
        if (node.next == address(0)) list.tail = node.previous;
        else list.nodes[node.next].previous = node.previous;
        delete list.nodes[id];
        list.size -= 1;
    }

    /// Takes the node out and puts it in anew; a key of zero leaves it out.
    function updateKey(List storage list, address id, uint256 key, Hint memory hint) internal {
        remove(list, id);
        if (key > 0) insert(list, id, key, hint);
    }

    /// Whether a node with that key may stand between the two; zero stands for an end of the list.
    function fits(List storage list, uint256 key, address previous, address next) internal view returns (bool) {
        if (previous == address(0) && next == address(0)) return list.size == 0;
        if (previous == address(0)) return next == list.head && key >= list.nodes[next].key;
        if (next == address(0)) return previous == list.tail && key <= list.nodes[previous].key;
        return
            list.nodes[previous].next == next &&
            list.nodes[previous].key >= key &&
            key >= list.nodes[next].key;
    }

    function position(List storage list, uint256 key, Hint memory hint) private view returns (address, address) {
        address previous = hint.previous;
        address next = hint.next;
        if (fits(list, key, previous, next)) return (previous, next);
        // What is not in the list, or on the wrong side of the key, is no hint.
        if (list.nodes[previous].key < key) previous = address(0);
        if (!contains(list, next) || list.nodes[next].key > key) next = address(0);
        if (previous != address(0)) return searchDown(list, key, previous);
        if (next != address(0)) return searchUp(list, key, next);
        return searchDown(list, key, list.head);
    }

    function searchDown(List storage list, uint256 key, address start) private view returns (address, address) {
        if (start == list.head && key >= list.nodes[start].key) return (address(0), start);
        address previous = start;
        address next = list.nodes[previous].next;
        while (previous != address(0) && !fits(list, key, previous, next)) {
            previous = next;
            next = list.nodes[previous].next;
        }
        return (previous, next);
    }

    function searchUp(List storage list, uint256 key, address start) private view returns (address, address) {
        if (start == list.tail && key <= list.nodes[start].key) return (start, address(0));
        address next = start;
        address previous = list.nodes[next].previous;
        while (next != address(0) && !fits(list, key, previous, next)) {
            next = previous;
            previous = list.nodes[next].previous;
        }
        return (previous, next);
    }
}
