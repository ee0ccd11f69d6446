import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETH } from '../base/asset.ts';
import { faultText, readTermsFile } from './file.ts';
import { readTerms } from './read.ts';
import { starterFile } from './starter.ts';
import { defaultTerms } from './terms.ts';

const HEAD = 'name = "Kiln"\ncommission = "8%"\n';
const MODEL = '[model]\nkind = "proportional"\n';

/** The faults of a text, as they are printed. */
function faultsIn(source: string): readonly string[] {
  const read = readTermsFile(source);
  return read.ok ? [] : read.faults.map(faultText);
}

/** The one fault of a file with these lines after a good beginning, without its place. */
function faultOf(lines: string, head = HEAD + MODEL): string {
  const faults = faultsIn(`${head}${lines}\n`);
  assert.equal(faults.length, 1, faults.join('\n'));
  return (faults[0] as string).replace(/^line \d+, /, '');
}

test('the starter file says what the program does without any', () => {
  const read = readTermsFile(starterFile);
  assert.ok(read.ok);
  assert.deepEqual(read.remarks, []);
  const terms = readTerms({ ...read.file, version: 1, 'starts-at-epoch': 0 });
  const { name, expectations } = terms;
  assert.deepEqual({ ...defaultTerms, name, expectations }, terms);
});

test('every fault is said at once, with its line', () => {
  const faults = faultsIn('name = "Kiln"\ncommission = "110%"\n\n[modle]\nkind = "per-segment"\n');
  assert.deepEqual(faults, [
    'model: is missing: it must be a table with its kind, such as { kind = "proportional" }.',
    'line 2, commission: cannot be "110%": it must be a percentage from "0%" to "100%".',
    'line 4, modle: is not a key of terms; did you mean "model".',
  ]);
});

test('a file that is no TOML, or far too long, is refused with the place', () => {
  assert.match(faultsIn('name = \n')[0] as string, /^line 1: is not TOML/);
  assert.match(faultsIn('#'.repeat(300_000))[0] as string, /^The file is longer than 256 KiB/);
});

test('amounts are exact texts, never numbers that a computer rounds', () => {
  assert.equal(
    faultOf('[payouts.thresholds]\nETH = 0.01'),
    'payouts.thresholds.ETH: cannot be 0.01: it must be a number in quotes, such as "0.01".',
  );
  assert.match(faultOf('[payouts.thresholds]\nETH = "1e-3"'), /must be a number in quotes/);
  assert.match(
    faultOf('[payouts.thresholds]\nETH = "0.0000000000000000001"'),
    /more decimals than the 18 of ETH/,
  );
});

test('an unknown asset is named, with what is known', () => {
  assert.match(
    faultOf('[payouts]\nassets = ["ETH", "DOGE"]'),
    /^payouts.assets\[2\]: is DOGE, an unknown asset: terms know ETH, LPT; describe it under \[assets.DOGE\]/,
  );
  const rate = '[model]\nkind = "fixed-rate"\nrate = "1 USDC per 1e12 pixels"\n';
  assert.match(faultOf('', HEAD + rate), /^model.rate: names USDC, an unknown asset/);
  const token = '[model]\nkind = "pool-token"\nasset = "ETH"\nper-epoch = "5"\n';
  assert.match(faultOf('', HEAD + token), /^model.asset: is ETH, which is no token of a pool/);
});

const USDC = '[assets.USDC]\nkind = "fiat"\ndecimals = 2\n';

test('a threshold that can never be reached is found', () => {
  assert.match(
    faultOf(`${USDC}[payouts]\nassets = ["ETH", "USDC"]`),
    /has USDC, whose threshold can never be reached: under these terms workers earn ETH/,
  );
  assert.match(
    faultOf('[payouts]\nassets = ["ETH"]\nthresholds = { LPT = "1" }'),
    /^payouts.thresholds.LPT: can never be reached: LPT is not among payouts.assets/,
  );
  assert.match(
    faultOf('[payouts.thresholds]\nETH = "2e9"'),
    /can never be reached: there is not so much ETH in the world/,
  );
  assert.match(
    faultOf('[payouts]\nfee-share-max = "0%"'),
    /^payouts.fee-share-max: cannot be "0%": it must be a percentage above "0%"/,
  );
  assert.match(
    faultOf('[payouts]\nevery = "month"\nlatest-days = 7'),
    /^payouts.latest-days: cannot be 7: with every = "month" it must be 31 or more/,
  );
  const lpt = '[rewards]\nshare = "50%"\n';
  assert.match(faultOf(lpt), /^payouts.assets: lacks LPT, which workers earn under these terms/);
  const converted = (source: string) =>
    `[payouts]\nassets = ["ETH", "USDC"]\n[[payouts.conversions]]\nfrom = "ETH"\nto = "USDC"\nsource = "${source}"\nage-minutes-max = 5\n`;
  assert.deepEqual(faultsIn(`${HEAD}${MODEL}${USDC}${converted('manual')}`), []);
  assert.deepEqual(
    faultsIn(`${HEAD}${MODEL}${USDC}${converted(`chainlink:0x${'ab'.repeat(20)}`)}`),
    [],
  );
  assert.match(
    faultOf(`${USDC}${converted('a feed')}`),
    /^payouts.conversions\[1\].source: is "a feed", which is no source of rates: it must be "manual"/,
  );
});

test('the default threshold is for ETH, where the terms pay in it', () => {
  const euros = (lines: string) =>
    `${HEAD}[model]\nkind = "fixed-rate"\nrate = "1 EUR per 1e12 pixels"\n[assets.EUR]\nkind = "fiat"\ndecimals = 2\n[payouts]\n${lines}`;
  const thresholds = (source: string) => {
    const read = readTermsFile(source);
    assert.ok(read.ok, read.ok ? '' : read.faults.map(faultText).join('\n'));
    return read.file.payouts.thresholds;
  };
  assert.deepEqual(thresholds(euros('assets = ["EUR"]\n')), {});
  assert.deepEqual(
    thresholds(
      euros(
        'assets = ["EUR", "ETH"]\n[[payouts.conversions]]\nfrom = "EUR"\nto = "ETH"\nsource = "manual"\nage-minutes-max = 5\n',
      ),
    ),
    { ETH: '0.01' },
  );
  assert.deepEqual(thresholds(HEAD + MODEL), { ETH: '0.01' });
  assert.match(
    faultsIn(euros('assets = ["EUR"]\nthresholds = { ETH = "0.01" }\n')).join(),
    /payouts.thresholds.ETH: can never be reached: ETH is not among payouts.assets/,
  );
});

test('multipliers, penalties and rates that cannot mean anything are found', () => {
  const multiplier = '[[multipliers]]\nname = "big"\nfactor = "2"\n';
  assert.match(faultOf(multiplier), /"big" has no condition: it must have one of hardware-class/);
  assert.match(
    faultOf(`${multiplier}region = "eu"\nmember-epochs = 3\n`),
    /"big" has 2 conditions/,
  );
  const rule = (kind: string, each: string, most: string) =>
    `[[penalties.rules]]\nfor = "${kind}"\neach = "${each}"\nat-most = "${most}"\n`;
  assert.match(faultOf(rule('offline', '1%', '120%')), /at-most: cannot be "120%"/);
  assert.match(
    faultOf(rule('offline', '9%', '5%')),
    /cannot be 9%: it is more than at-most = "5%"/,
  );
  assert.match(
    faultOf(rule('offline', '1%', '60%') + rule('failed-checks', '1%', '60%')),
    /could take 120% of what was earned/,
  );
  assert.match(
    faultOf(rule('offline', '1%', '5%') + rule('offline', '1%', '5%')),
    /^penalties.rules\[2\]: is a second rule for offline/,
  );
  const rate = (text: string) => `${HEAD}[model]\nkind = "fixed-rate"\nrate = "${text}"\n`;
  assert.match(faultOf('', rate('0 ETH per job')), /pays nothing: it must be above 0/);
  assert.match(faultOf('', rate('1 ETH per hour')), /must be a rate such as/);
  assert.match(faultOf('', rate('1 ETH per 0 jobs')), /must be a rate such as/);
});

test('groups must have members, names of their own, and parts that add up', () => {
  const group = (name: string, lines: string) => `[[groups]]\nname = "${name}"\n${lines}\n`;
  assert.match(faultOf(group('hall', '')), /^groups\[1\]: "hall" has no members: list worker ids/);
  assert.match(faultOf(group('hall', 'members = []')), /"hall" has no members/);
  assert.match(faultOf(group('hall', 'members = ["Joe"]')), /must be the id of a worker/);
  assert.match(
    faultOf(group('hall', 'region = "eu"\nmembers = ["aaaaaaaaaa"]')),
    /"hall" has members and region: one must do/,
  );
  const eu = group('eu', 'region = "eu"\nincome-share = "70%"');
  const us = group('us', 'region = "us"\nincome-share = "50%"');
  assert.match(faultOf(eu + us), /^groups: have 120% of the income together/);
  assert.match(
    faultOf(eu + group('us', 'region = "us"\nmodel = { kind = "per-segment" }')),
    /^groups\[2\].income-share: is missing for "us"/,
  );
  const both = group('a', 'members = ["aaaaaaaaaa"]') + group('b', 'members = ["aaaaaaaaaa"]');
  assert.match(faultOf(both), /^groups\[2\].members: has aaaaaaaaaa, who is in "a" already/);
  assert.match(
    faultOf(group('a', 'region = "x"') + group('a', 'region = "y"')),
    /"a" is there twice/,
  );
  const window = `${HEAD}[model]\nkind = "sliding-window"\nunits = "1e15"\n`;
  assert.match(faultOf(eu, window), /a sliding window counts all workers together/);
});

test('what is allowed but may not be meant is a note', () => {
  const read = readTermsFile(
    `${HEAD}[model]\nkind = "fixed-rate"\nrate = "0.0004 ETH per 1e9 pixels"\n[payouts]\nevery = "day"\n`,
  );
  assert.ok(read.ok);
  assert.deepEqual(
    read.remarks.map(({ line, path }) => [line, path.join('.')]),
    [
      [2, 'commission'],
      [7, 'payouts.every'],
    ],
  );
});

test('rates are exact, however small', () => {
  const read = readTermsFile(
    `${HEAD}[model]\nkind = "fixed-rate"\nrate = "0.0000000000000000004 ETH per 3 pixels"\n`,
  );
  assert.ok(read.ok);
  const { model } = readTerms({ ...read.file, version: 1, 'starts-at-epoch': 0 });
  assert.ok(model.kind === 'fixed_rate');
  // 4e-19 ETH are 0.4 wei for 3 pixels.
  assert.equal(model.rate.asset, ETH);
  assert.equal(model.rate.amount * 30n, model.rate.count * 4n);
});
