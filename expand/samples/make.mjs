// Makes the fixtures beside it with ObserveRTC's own packages, which say what its streams look like:
//
//   npm install --no-save @observertc/samples-json-codec@3.3.0 @observertc/samples-encoder@3.0.0 \
//     @observertc/samples-decoder@3.0.0
//   node make.mjs
import { writeFileSync } from 'node:fs';
import { ClientSampleDecoder, ClientSampleEncoder } from '@observertc/samples-json-codec';
import decoding from '@observertc/samples-decoder';
import { CertificateDecoder } from '@observertc/samples-decoder/dist/CertificateDecoder.js';
import { OneTimePassDecoder } from '@observertc/samples-decoder/dist/utils.js';
import encoding from '@observertc/samples-encoder';
import * as messages from '@observertc/samples-encoder/dist/OutputSamples.js';

const START = 1795328740000;

// Five samples, 5 s apart. Video begins with the second, and audio ends with the fourth; what a
// sample does not report for a stream any more is what was reported last.
const sample = (n) => {
  const timestamp = START + n * 5000;
  const audio = {
    id: 'IT01A7', timestamp, kind: 'audio', ssrc: 7, trackIdentifier: 'a', codecId: 'C1',
    packetsReceived: 100 + 250 * n, packetsLost: n > 1 ? 3 : 0,
    ...(n === 2 ? {} : { jitter: 0.004 + n / 1000 }),
  };
  const video = {
    id: 'IT01V8', timestamp, kind: 'video', ssrc: 8, trackIdentifier: 'v',
    packetsReceived: 600 * n, packetsLost: 0, framesDecoded: 150 * n,
  };
  const sent = {
    id: 'OT01V9', timestamp, kind: 'video', ssrc: 9, packetsSent: 400 * n,
    qualityLimitationDurations: { none: 5 * n, cpu: n > 2 ? 2 : 0, bandwidth: 0, other: 0 },
  };
  return {
    timestamp, clientId: 'ann-1', callId: 'standup-0423', attachments: { app: 'meet' },
    ...(n === 0 ? { clientEvents: [{ type: 'CLIENT_JOINED', timestamp }] } : {}),
    peerConnections: [{
      peerConnectionId: 'pc-1',
      inboundRtps: [...(n < 4 ? [audio] : []), ...(n > 0 ? [video] : [])],
      outboundRtps: [sent],
      codecs: [{ id: 'C1', timestamp, mimeType: 'audio/opus' }],
      iceCandidatePairs: [{
        id: 'CP', timestamp, state: 'succeeded', nominated: true,
        totalRoundTripTime: (n + 1) / 16, responsesReceived: n + 1,
      }],
    }],
  };
};

const samples = [0, 1, 2, 3, 4].map(sample);
const lines = (values) => values.map((value) => JSON.stringify(value) + '\n').join('');
const encoder = new ClientSampleEncoder({ clientId: 'ann-1' });
const deltas = samples.map((one) => encoder.encode(one));
const decoder = new ClientSampleDecoder();
writeFileSync('deltas.jsonl', lines(deltas));
writeFileSync('samples.jsonl', lines(deltas.map((delta) => decoder.decode(delta))));

// Members that are sent once (codecId, mid, transportId, ...) the decoder returns once only. The
// JSON codec's decoder repeats them as long as the stream exists, and so does Isobar.
OneTimePassDecoder.prototype.decode = function decode(reported) {
  this.actualValue = this.actualValue ?? reported;
  return this.actualValue;
};

// It decodes certificates and does not return them.
const certificate = CertificateDecoder.prototype.decode;
CertificateDecoder.prototype.decode = function decode(reported) {
  certificate.call(this, reported);
  return this.actualValue;
};

// Samples that report every member of the schema that the encoder writes, each with a value of its
// own, and in the second one some that did not change. Of two events, the second leaves out what
// it has in common with the first.
const INTEGERS = [3 /* int64 */, 5 /* int32 */];
let count = 0;
const filled = (name, n) => Object.fromEntries(
  messages[name].fields.list().filter((field) => !field.repeated).map((field) => {
    const number = count++ + (count % 3 ? n * 1000 : 0);
    if (field.name === 'attachments') return [field.name, { number }];
    if (field.name === 'timestamp') return [field.name, START + n * 5000 + number / 4];
    if (field.name === 'kind') return [field.name, count % 2 ? 'audio' : 'video'];
    if (field.name === 'id' || field.name === 'ssrc') return [field.name, field.name === 'id' ? name : 7];
    if (field.kind === 'enum') return [field.name, n ? 'succeeded' : 'in-progress'];
    if (field.kind === 'message') return [field.name, filled(field.T.name, n)];
    if (field.T === 8 /* bool */) return [field.name, true];
    if (field.T === 1 /* double */) return [field.name, number / 8];
    return [field.name, INTEGERS.includes(field.T) ? number : `${field.name}-${number}`];
  }),
);
const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const every = (n) => {
  count = 0;
  const connection = filled('ClientSample_PeerConnectionSample', n);
  for (const { name, repeated, T } of messages.ClientSample_PeerConnectionSample.fields.list()) {
    if (repeated) connection[name] = [filled(T.name, n)];
  }
  const event = { type: 'ICE_CONNECTION_STATE_CHANGED', timestamp: START + n };
  return {
    ...filled('ClientSample', n),
    clientId: UUID,
    peerConnections: [{ ...connection, peerConnectionId: 'pc-\u00e9' }],
    clientEvents: [
      { ...event, payload: '{"iceConnectionState":"checking"}' },
      { ...event, payload: '{"iceConnectionState":"connected"}' },
    ],
    clientIssues: [{ type: 'USER_MEDIA_ERROR', payload: '{"error":"NotFoundError: none"}', timestamp: START }],
    clientMetaItems: [{ ...filled('ClientSample_ClientMetaData', n), type: 'BROWSER' }],
    extensionStats: [filled('ClientSample_ExtensionStat', n)],
  };
};

const encoded = (file, clientId, reported, settings) => {
  const encoder = new encoding.ClientSampleEncoder(clientId, settings);
  const decoder = new decoding.ClientSampleDecoder(settings);
  const texts = reported.map((one) => encoder.encodeToBase64(one));
  writeFileSync(`${file}.txt`, texts.map((text) => `${text}\n`).join(''));
  writeFileSync(`${file}.samples.jsonl`, lines(texts.map((text) => decoder.decodeFromBase64(text))));
};
encoded('protobuf', 'ann-1', samples);
encoded('protobuf-every', UUID, [0, 1].map(every), { clientIdIsUuid: true });
