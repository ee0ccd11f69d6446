#!/usr/bin/env python3
"""Checks what a Tributary pool publishes, with Python's standard library alone: verify.py FOLDER... [FILE...]

A folder is a copy of the pool's /proofs, files hold workers' receipts. Prints a line for each folder: OK, or
the first thing that is wrong; exits with 0 or 1. It was written apart from the program, so that an error in one
shows in the other, and leaves to `tributary verify`: amounts by the terms, the chain, who endorsed the keys."""
import hashlib, json, os, re, struct, sys
RECEIPT = struct.Struct('>8s20s8s32sQ10sQ18x16sx12s16s16s16s16s16s109x32s')
FIELDS = 'magic pool chain key epoch worker sequence units asset above below amount epoch_units epoch_amount previous'
QUANTITIES = 'units above below amount epoch_units epoch_amount'
AFTER = dict(opened='open', answered='answered', replied='', overdue='', decided='end', withdrawn='end', lapsed='end')
OUTCOMES, NONE = ('upheld', 'partly', 'refused'), '0' * 64
class Wrong(Exception): pass
def need(condition, text):
    if not condition: raise Wrong(text)
sha = lambda data: hashlib.sha256(data).digest()

# Ed25519, RFC 8032: points in extended coordinates, multiples out of tables of four bits each.
P, L, tables = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, {}
D = -121665 * pow(121666, P - 2, P) % P
def add(a, b):
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    u, v = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, v - u, v + u, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P
def table(encoded):
    if encoded not in tables:
        y = int.from_bytes(encoded, 'little') & (2**255 - 1)
        square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
        x = pow(square, (P + 3) // 8, P)
        x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
        need(y < P and (x * x - square) % P == 0, 'a key is no point of the curve')
        x = x if x % 2 == encoded[31] >> 7 else P - x
        tables[encoded], base = [], (x, y, 1, x * y % P)
        for _ in range(64):
            row = [(0, 1, 1, 0)]
            for _ in range(16): row.append(add(row[-1], base))
            tables[encoded], base = tables[encoded] + [row], row[16]
    return tables[encoded]
def multiple(rows, number):
    point = (0, 1, 1, 0)
    for row in rows: point, number = add(point, row[number & 15]), number >> 4
    return point
def signed(key, message, signature):
    s = int.from_bytes(signature[32:], 'little')
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little') % L
    x, y, z, _ = add(multiple(table(b'\x58' + b'\x66' * 31), s % L), multiple(table(key), L - h))
    inverse = pow(z, P - 2, P)
    encoded = y * inverse % P | (x * inverse % P % 2) << 255
    return s < L and encoded.to_bytes(32, 'little') == signature[:32]

# Files are canonical JSON: one text for each value. Numbers above 53 bits are text.
canonical = lambda value: json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()
def integer(text):
    need(re.fullmatch('-?[0-9]{1,16}', text) and abs(int(text)) < 2**53, 'a file has an unsafe number')
    return int(text)
def parse(data, name):
    value = json.loads(data, parse_int=integer, parse_float=integer, parse_constant=integer)
    need(canonical(value) == data, '%s is not canonical JSON' % name)
    return value
def load(folder, *path):
    try:
        data = open(os.path.join(folder, *path), 'rb').read(2**28)  # More than any has; what is cut is not canonical.
        value = parse(data, path[-1])
        place = 'epoch-%s' % value['epoch'] if 'epoch' in value else path[0]
        need(place == path[0] and value.get('format', '-1')[-2:] == '-1', '%s is of another epoch or format' % path[-1])
        return value
    except (OSError, ValueError, RecursionError):
        raise Wrong('%s is missing or no JSON' % path[-1])
def number(text, bits=128):
    need(isinstance(text, str) and re.fullmatch('0|[1-9][0-9]{0,38}', text) and int(text) < 2**bits, 'a number is none')
    return int(text)
def unhex(text, size=32):
    need(re.fullmatch('[0-9a-f]{%d}' % (2 * size), text), 'a hash, key or signature is none')
    return bytes.fromhex(text)

# The Merkle-sum tree. A node is its hash and its sums: units, then for each asset epoch and cumulative.
def sums(of, assets):
    need(sorted(of['amounts']) == assets, 'a leaf or sibling has other assets than the epoch')
    amounts = [number(of['amounts'][asset][kind]) for asset in assets for kind in ('epoch', 'cumulative')]
    return [number(of['units'])] + amounts
packed = lambda values: b''.join(value.to_bytes(16, 'big') for value in values)
def leaf_node(leaf, assets, salt):
    need(re.fullmatch('[a-z2-7]{10}', leaf['worker']), 'a leaf names no worker')
    worker, own = leaf['worker'].encode(), sums(leaf, assets)
    name = worker.ljust(32, b'\0') if salt is None else sha(unhex(salt) + worker)
    sequence = number(leaf['lastSequence'], 64).to_bytes(8, 'big')
    return sha(b'\0' + name + packed(own) + sequence + unhex(leaf['lastReceipt'])), own
def parent(a, b):
    total = [x + y for x, y in zip(a[1], b[1])]
    need(max(total) < 2**128, 'the sums overflow 16 bytes')
    return sha(b'\1' + a[0] + packed(a[1]) + b[0] + packed(b[1])), total
def climb(node, index, count, siblings):
    need(0 <= index < count, 'a path names a place that the tree does not have')
    ways = []
    while count > 1:
        half = 1 << (count - 1).bit_length() - 1
        ways.insert(0, index >= half)
        index, count = (index - half, count - half) if index >= half else (index, half)
    need(len(ways) == len(siblings), 'a path has another length than the tree is high')
    for is_right, sibling in zip(ways, siblings): node = parent(sibling, node) if is_right else parent(node, sibling)
    return node

# The history of receipts, RFC 9162: the way to the last leaf of the old tree, as far as it is split.
def consistent(old_size, old_root, size, root, proof):
    if old_size in (0, size): return not proof and old_root == (root if old_size else sha(b''))
    ways, first, last = [], 0, size
    while last != old_size:
        half = first + (1 << (last - first - 1).bit_length() - 1)
        ways.insert(0, old_size > half)
        first, last = (half, last) if old_size > half else (first, half)
    proof = proof if first else [old_root] + proof
    old = new = proof[0] if len(proof) == len(ways) + 1 else b''
    for is_old, node in zip(ways, proof[1:]):
        old, new = (sha(b'\1' + node + old), sha(b'\1' + node + new)) if is_old else (old, sha(b'\1' + new + node))
    return (old, new) == (old_root, root)
def check_head(folder, entry, pool, before):
    file = load(folder, 'epoch-%s' % entry['epoch'], 'epoch.json')
    head, digest = file['head'], sha(canonical(file['head']))
    epoch = number(head['epoch'], 64)
    need((head['pool'], head['chainId']) == pool['name'], 'the head is of another pool or chain')
    need(file['key'] in pool['keys'], 'the head is signed by a key that the pool does not name')
    message = b'TRIBSTM1' + pool['bytes'] + b'\3' + epoch.to_bytes(8, 'big') + digest
    need(signed(unhex(file['key']), message, unhex(file['signature'], 64)), 'the signature of the head is wrong')
    need(digest.hex() == entry['digest'] and head['epoch'] == entry['epoch'], 'the index names another head')
    need(not before or epoch == number(before['epoch']) + 1, 'it does not follow the epoch before')
    start = before['history'] if before else {'root': sha(b'').hex(), 'size': '0'}
    named = sha(canonical(before)).hex() if before else NONE
    need(head['previous'] == named, 'it names another epoch before it than the published one')
    log, end = load(folder, 'epoch-' + head['epoch'], 'history.json'), head['history']
    need((log['before'], log['after']) == (start, end), 'the history does not join the heads')
    old, new = ((number(one['size'], 53), unhex(one['root'])) for one in (start, end))
    need(old[0] <= new[0] and consistent(*old, *new, [unhex(one) for one in log['proof']]), 'the history was rewritten')
    return head

# The log of disputes: each line names the one before, heads name its end, inputs have each award once.
def read_log(folder):
    path, hashes, states, awards = os.path.join(folder, 'disputes.jsonl'), [NONE], {}, {}
    data = open(path, 'rb').read(2**26) if os.path.exists(path) else b''
    need(data[-1:] in (b'', b'\n'), 'the log of disputes ends within a line')
    for line in data.split(b'\n')[:-1]:
        told, r = 'line %d of the disputes ' % len(hashes), parse(line, 'the log of disputes')
        event, state, outcome = r['event'], states.get(r['dispute']), r.get('outcome', 'none')
        need((r['sequence'], r['previous']) == (len(hashes), hashes[-1]), told + 'does not follow the one before')
        may = state is None if event == 'opened' else state == 'open' or state == 'answered' != event
        placed = ('about' in r, outcome in OUTCOMES) == (event == 'opened', event == 'decided')
        wins = 'award' not in r or event == 'lapsed' or event == 'decided' and outcome != 'refused'
        need(may and placed and wins and event in AFTER, told + 'tells of what cannot happen there')
        states[r['dispute']] = AFTER[event] or state
        if 'award' in r: awards[r['dispute']] = dict(r['award'], dispute=r['dispute'])
        hashes.append(sha(line).hex())
    return {'hashes': hashes, 'awards': awards, 'size': 0}
def check_disputes(log, head, workers):
    at, end = log['size'], head.get('disputes', {'size': 0, 'hash': NONE})
    goes_on = at <= end['size'] < len(log['hashes']) and log['hashes'][end['size']] == end['hash']
    need(goes_on, 'the log of disputes is not the one that the head names: it was rewritten')
    log['size'] = end['size']
    for award in (award for worker in workers for award in worker.get('awards', [])):
        need(log['awards'].pop(award['dispute'], None) == award, 'an award is not in the disputes, or was given before')
def check_leaves(folder, head, log):
    name, assets = 'epoch-%s' % head['epoch'], head['assets']
    root, leaves = (unhex(head['root']), sums(head['totals'], assets)), []
    told = load(folder, name, 'input.json') if head['privacy'] == 'public' else {'workers': []}
    check_disputes(log, head, told['workers'])
    if head['privacy'] == 'public':
        need(sha(canonical(told)).hex() == head['input'], 'the input is not the one that the head names')
        leaves = load(folder, name, 'leaves.json')['leaves']
        ids = [leaf['worker'] for leaf in leaves]
        need(ids == sorted(set(ids)), 'a leaf is twice in the file or out of order')
        need(len(leaves) == head['leaves'], 'the head counts another number of leaves')
        nodes = [leaf_node(leaf, assets, None) for leaf in leaves] or [(sha(b''), [0] * len(root[1]))]
        while len(nodes) > 1:
            nodes = [parent(*nodes[i:i + 2]) if i + 1 < len(nodes) else nodes[i] for i in range(0, len(nodes), 2)]
        need(nodes[0][1] == root[1], 'the leaves add up to other totals than the head')
        need(nodes[0][0] == root[0], 'the leaves have another root')
        return leaves
    paths = os.path.join(folder, name, 'paths')
    for file in sorted(os.listdir(paths)) if os.path.isdir(paths) else []:
        path = load(folder, name, 'paths', file)
        siblings = [(unhex(one['hash']), sums(one, assets)) for one in path['siblings']]
        top = climb(leaf_node(path['leaf'], assets, path['salt']), path['index'], head['leaves'], siblings)
        need(top == root and path['count'] == head['leaves'], 'the path in %s does not lead to the root' % file)
        leaves.append(path['leaf'])
    return leaves
def follow(leaf, known):
    worker, sequence = leaf['worker'], number(leaf['lastSequence'], 64)
    before, receipt, credited = known.get(worker, (0, NONE, {}))
    for asset, amount in leaf['amounts'].items():
        credited[asset] = credited.get(asset, 0) + number(amount['epoch'])
        need(number(amount['cumulative']) == credited[asset], '%s was credited another sum of %s' % (worker, asset))
    goes_on = sequence >= before and (sequence == before) == (leaf['lastReceipt'] == receipt)
    need(goes_on, 'the receipts of %s do not go on from its last ones' % worker)
    known[worker] = sequence, leaf['lastReceipt'], credited
def check_receipts(rows, pool, leaves):
    seen, worker = {}, None
    for body in (row[:RECEIPT.size] for row in rows):
        r = dict(zip(FIELDS.split(), RECEIPT.unpack(body)))
        told, asset = 'receipt %d ' % r['sequence'], r['asset']
        units, above, below, amount, *now = (int.from_bytes(r[name], 'big') for name in QUANTITIES.split())
        if worker is None:  # The first that was kept: what was before it is not known.
            worker, epoch, previous, expected = r['worker'], r['epoch'], r['previous'], r['sequence']
            totals = {b'units': now[0] - units, asset: now[1] - amount}
        is_ours = (r['pool'] + r['chain'], r['worker']) == (pool['bytes'], worker)
        need(r['magic'] == b'TRIBRCP1' and is_ours, told + 'is none, or of another pool, chain or worker')
        need(r['key'].hex() in pool['keys'], told + 'is signed by a key that the pool does not name')
        need(r['sequence'] == expected, told + 'does not follow: receipts are missing, or two have its number')
        need(r['previous'] == previous, told + 'does not name the receipt before it')
        need(r['epoch'] >= epoch, told + 'is of an earlier epoch')
        totals = totals if r['epoch'] == epoch else {}
        totals.update({b'units': totals.get(b'units', 0) + units, asset: totals.get(asset, 0) + amount})
        need([totals[b'units'], totals[asset]] == now, told + 'adds up wrongly')
        need(below and amount == units * above // below, told + 'has another amount than its units and price')
        epoch, previous, expected = r['epoch'], sha(body), expected + 1
        seen[r['sequence']] = previous.hex(), epoch, now[0]
    # One signature stands for all receipts before it: each names the one before by its hash.
    need(not seen or signed(r['key'], body, rows[-1][-64:]), 'the signature of the last receipt is wrong')
    for of, leaf in ((number(head['epoch']), leaf) for head, leaf in leaves if leaf['worker'].encode() == worker):
        sequence = max([s for s, (_, when, _) in seen.items() if when <= of], default=0)
        receipt, when, units = seen.get(sequence, (NONE, 0, 0))
        counted = number(leaf['lastSequence']), leaf['lastReceipt'], number(leaf['units'])
        same = counted == (sequence, receipt, (when == of) * units)
        need(not sequence or same, 'epoch %d counts other receipts or units' % of)
    return len(seen)
def check_pool(folder, receipts):
    place, head, known, leaves, checked = 'index.json', None, {}, [], 0
    try:
        index, log = load(folder, 'index.json'), read_log(folder)
        identity = unhex(index['pool'][2:], 20) + number(index['chainId'], 64).to_bytes(8, 'big')
        pool = {'name': (index['pool'], index['chainId']), 'bytes': identity, 'keys': [k['key'] for k in index['keys']]}
        for entry in index['epochs']:
            place = 'epoch %s' % entry['epoch']
            head = check_head(folder, entry, pool, head)
            for leaf in check_leaves(folder, head, log):
                follow(leaf, known)
                leaves.append((head, leaf))
        place, size = 'receipts', RECEIPT.size + 64
        data = b''.join(open(path, 'rb').read() for path in receipts)
        need(len(data) % size == 0, 'a file ends within a receipt')
        rows = sorted({data[at:at + size] for at in range(0, len(data), size)}, key=lambda row: row[76:94])
        for worker in sorted({row[76:86] for row in rows}):
            checked += check_receipts([row for row in rows if row[76:86] == worker], pool, leaves)
    except Wrong as wrong:
        return '%s: %s' % (place, wrong)
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        return '%s: something is missing, or of another form: %r' % (place, error)
    return 'OK: %d epochs, %d leaves, %d receipts' % (len(index['epochs']), len(leaves), checked)
folders = [word for word in sys.argv[1:] if os.path.isdir(word)]
lines = [check_pool(folder, [word for word in sys.argv[1:] if word not in folders]) for folder in folders]
print('\n'.join((folder + ': ') * (len(folders) > 1) + line for folder, line in zip(folders, lines)) or __doc__)
sys.exit(0 if lines and all(line.startswith('OK: ') for line in lines) else 1)
