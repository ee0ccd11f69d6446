import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hex, parseHex } from '../base/bytes.ts';
import { type Wei, wei } from '../base/money.ts';
import { decodePayment } from '../protocol/payment.ts';
import {
  addressOf,
  checksumAddress,
  keySigner,
  parseAddress,
  recover,
} from '../protocol/signature.ts';
import { ticketsNeeded } from './balance.ts';
import { readBigEndian, word } from './big-endian.ts';
import { chooseFaceValue, winProbability } from './face-value.ts';
import { adjustedPrice, priceTerms } from './price.ts';
import { floor, type Rational, rational } from './rational.ts';
import { findRecipientRand, randMessage, recipientRand } from './recipient-rand.ts';
import { maxFloat } from './sender.ts';
import {
  auxData,
  checkSignature,
  draw,
  expectedValue,
  packTicket,
  recipientRandHash,
  signatureTexts,
  type Ticket,
  ticketDigest,
  ticketHash,
  WIN_PROB_MAX,
  wins,
} from './ticket.ts';
import { PARAMS_LIFETIME_BLOCKS, readTicketParams } from './ticket-params.ts';
import { NONCES_MAX } from './validate.ts';

const vectors = JSON.parse(
  readFileSync(new URL('../../test/fixtures/tickets.json', import.meta.url), 'utf8'),
);
const { goUnitTests: stock, computed } = vectors;
interface TicketRow {
  readonly recipient: string;
  readonly sender: string;
  readonly faceValue: string;
  readonly winProb: string;
  readonly senderNonce: number;
  readonly recipientRandHash: string;
  readonly creationRound: number;
  readonly creationRoundBlockHash: string;
}

const bytes = (text: string): Uint8Array => {
  const parsed = parseHex(text);
  assert.ok(parsed, text);
  return parsed;
};
const amount = (text: string): Wei => wei(BigInt(text));
const fraction = (text: string): Rational => {
  const [over, under = '1'] = text.split('/');
  return rational(BigInt(over as string), BigInt(under));
};
const text0x = (value: Uint8Array) => `0x${hex(value)}`;

function ticketOf(row: TicketRow): Ticket {
  return {
    recipient: parseAddress(row.recipient) as Uint8Array,
    sender: parseAddress(row.sender) as Uint8Array,
    faceValue: amount(row.faceValue),
    winProb: BigInt(row.winProb),
    nonce: row.senderNonce,
    recipientRandHash: bytes(row.recipientRandHash),
    creationRound: BigInt(row.creationRound),
    creationRoundBlockHash: bytes(row.creationRoundBlockHash),
  };
}

test('the constants are those of the protocol', () => {
  assert.equal(WIN_PROB_MAX, BigInt(vectors.constants.maxWinProb));
  assert.equal(NONCES_MAX, vectors.constants.maxSenderNoncesPerRecipientRand);
  assert.equal(PARAMS_LIFETIME_BLOCKS, BigInt(vectors.constants.paramsExpirationBlocks));
});

test('every recorded ticket has its recorded hash', () => {
  assert.equal(stock.ticketHash.length, 7);
  for (const row of stock.ticketHash) {
    const ticket = ticketOf(row.ticket);
    assert.equal(text0x(ticketHash(ticket)), row.ticketHash, row.source);
    assert.equal(text0x(auxData(ticket)), row.auxData, row.source);
  }
});

test('round and block hash are encoded as the contract wants them', () => {
  for (const row of stock.auxData) {
    const encoded = auxData({
      creationRound: BigInt(row.creationRound),
      creationRoundBlockHash: bytes(row.creationRoundBlockHash),
    });
    assert.equal(text0x(encoded), row.auxData);
  }
});

test('expected values round to the recorded ones', () => {
  for (const row of stock.ev) {
    const value = expectedValue({ faceValue: amount(row.faceValue), winProb: BigInt(row.winProb) });
    // The recorded ones are rounded half up.
    const half = rational(value.numerator * 2n + value.denominator, value.denominator * 2n);
    assert.equal(`${floor(half)}`, row.evRoundedToInteger);
  }
});

test('win probabilities follow from face values', () => {
  for (const row of stock.winProbFromFaceValue) {
    assert.equal(`${winProbability(amount(row.faceValue), amount(row.ticketEV))}`, row.winProb);
  }
});

test('signatures are taken and refused for the recorded reasons', () => {
  const address = parseAddress(stock.signature[0].address) as Uint8Array;
  for (const row of stock.signature) {
    const outcome = checkSignature(bytes(row.message), bytes(row.sig), address);
    assert.equal(outcome.ok, row.valid, row.source);
    if (!outcome.ok) assert.equal(signatureTexts[outcome.reason], row.error);
  }
});

test('a recipientRand is committed to by its hash', () => {
  for (const row of stock.recipientRandHash) {
    assert.equal(text0x(recipientRandHash(word(BigInt(row.recipientRand)))), row.recipientRandHash);
  }
});

test('prices take the cost of redemption in as recorded', () => {
  for (const row of stock.autoAdjustedPrice) {
    const price = adjustedPrice(fraction(row.basePrice), fraction(row.txCostMultiplier));
    const terms = {
      pricePerUnit: BigInt(row.pricePerUnit),
      pixelsPerUnit: BigInt(row.pixelsPerUnit),
    };
    assert.deepEqual(priceTerms(price), terms);
  }
});

test('a gateway sends as many tickets as recorded', () => {
  for (const row of stock.stageUpdate) {
    const count = ticketsNeeded({
      minCredit: fraction(row.minCredit),
      existing: fraction(row.existingCredit),
      ticketEv: fraction(row.ticketEV),
    });
    assert.equal(count, BigInt(row.numTickets));
  }
});

test('max floats are the recorded ones, negative ones too', () => {
  for (const row of [...stock.maxFloat, ...computed.maxFloat]) {
    const float = maxFloat({
      deposit: amount(row.deposit),
      reserve: amount(row.reserveFundsRemaining),
      claimedInRound: amount(row.claimedInCurrentRound),
      claimedByRecipient: amount(row.claimedByRecipient),
      withdrawRound: 0n,
      poolSize: BigInt(row.poolSize),
      pending: amount(row.pending),
    });
    assert.equal(`${float}`, row.maxFloat);
  }
});

test('recipientRands come out of the recorded messages', () => {
  for (const row of computed.recipientRand) {
    const secret = { version: 1, key: bytes(row.secret) };
    const promised = {
      seed: bytes(row.seed),
      sender: bytes(row.sender),
      faceValue: amount(row.faceValue),
      winProb: BigInt(row.winProb),
      expirationBlock: BigInt(row.expirationBlock),
      price: rational(BigInt(row.pricePerUnit), BigInt(row.pixelsPerUnit)),
      creationRound: BigInt(row.creationRound),
      creationRoundBlockHash: bytes(row.creationRoundBlockHash),
    };
    assert.equal(text0x(randMessage(promised)), row.hmacMessage.toLowerCase(), row.note);
    const rand = recipientRand(secret, promised);
    assert.equal(text0x(rand), row.recipientRand, row.note);
    assert.equal(text0x(recipientRandHash(rand)), row.recipientRandHash, row.note);
    // Also under a secret that was replaced since, and not under any other.
    const newer = { version: 2, key: new Uint8Array(32) };
    const hash = bytes(row.recipientRandHash);
    assert.deepEqual(findRecipientRand([newer, secret], promised, hash), rand);
    assert.equal(findRecipientRand([newer], promised, hash), undefined);
  }
});

test('signed tickets have their recorded bytes, signer, draw, luck and worth', () => {
  assert.equal(computed.tickets.length, 13);
  for (const row of computed.tickets) {
    const ticket = ticketOf(row.ticket);
    const sig = bytes(row.sig);
    assert.equal(text0x(packTicket(ticket)), row.packed.toLowerCase(), row.note);
    assert.equal(text0x(ticketHash(ticket)), row.ticketHash, row.note);
    assert.equal(text0x(ticketDigest(ticket)), row.ethSignedMessageHash, row.note);
    assert.deepEqual(recover(ticketDigest(ticket), sig), Uint8Array.from(ticket.sender), row.note);
    const key = bytes(row.senderPrivateKey);
    assert.equal(checksumAddress(addressOf(key)), row.ticket.sender, row.note);
    assert.equal(text0x(keySigner(key).sign(packTicket(ticket))), row.sig, row.note);
    const drawn = draw(sig, bytes(row.recipientRand));
    assert.equal(text0x(drawn), row.draw, row.note);
    assert.equal(wins(drawn, ticket.winProb), row.wins, row.note);
    const { num, den } = row.ev;
    assert.deepEqual(expectedValue(ticket), { numerator: BigInt(num), denominator: BigInt(den) });
  }
});

test('a draw that equals the win probability loses', () => {
  const { sig, recipientRand: rand, cases } = computed.winBoundary;
  const drawn = draw(bytes(sig), bytes(rand));
  assert.equal(text0x(drawn), computed.winBoundary.draw);
  for (const row of cases) assert.equal(wins(drawn, BigInt(row.winProb)), row.wins);
});

test('face values and win probabilities follow gas, float and limits', () => {
  for (const row of computed.faceValueAndWinProb) {
    const chosen = chooseFaceValue({
      ticketEv: amount(row.ticketEV),
      redeemGas: BigInt(row.redeemGas),
      gasPrice: amount(row.gasPrice),
      txCostMultiplier: BigInt(row.txCostMultiplier),
      maxFloat: BigInt(row.maxFloat),
      maxFaceValue: amount(row.maxFaceValue),
    });
    if (!chosen.ok) {
      assert.equal(chosen.text, row.error, row.note);
      continue;
    }
    assert.equal(`${chosen.faceValue}`, row.faceValue, row.note);
    const winProb = winProbability(chosen.faceValue, amount(row.ticketEV));
    assert.equal(`${winProb}`, row.winProb, row.note);
    const worth = expectedValue({ faceValue: chosen.faceValue, winProb });
    const millionths = floor(rational(worth.numerator * 1_000_000n, worth.denominator));
    const [whole, decimals] = row.effectiveEvRoundedTo6.split('.');
    assert.equal(`${millionths}`, BigInt(whole + decimals).toString(), row.note);
  }
});

test('recorded payment headers decode into the recorded tickets', () => {
  const [paid, free] = computed.paymentHeader;
  const outcome = decodePayment(paid.base64);
  assert.ok(outcome.ok && outcome.payment.ticketParams);
  const { payment } = outcome;
  const terms = readTicketParams(outcome.payment.ticketParams, payment.sender, payment.expiration);
  assert.ok(terms);
  assert.equal(payment.tickets.length, 2);
  for (const [at, { nonce, sig }] of payment.tickets.entries()) {
    const row = computed.tickets[at];
    const ticket: Ticket = { ...terms, nonce };
    assert.equal(text0x(ticketHash(ticket)), row.ticketHash);
    assert.deepEqual(Buffer.from(sig), Buffer.from(bytes(row.sig)));
    assert.deepEqual(recover(ticketDigest(ticket), sig), Uint8Array.from(terms.sender));
  }
  assert.equal(readBigEndian(outcome.payment.ticketParams.faceValue), terms.faceValue);
  const second = decodePayment(free.base64);
  assert.ok(second.ok);
  assert.equal(second.payment.tickets.length, 0);
  assert.equal(second.payment.ticketParams, undefined);
});
