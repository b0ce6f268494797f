// Makes the fixtures beside it with ObserveRTC's own packages, which say what its streams look like:
//
//   npm install --no-save @observertc/samples-json-codec@3.3.0 @observertc/samples-encoder@3.0.0
//   node make.mjs
import { writeFileSync } from 'node:fs';
import { ClientSampleDecoder, ClientSampleEncoder } from '@observertc/samples-json-codec';
import protobuf from '@observertc/samples-encoder';

const START = 1795328740000;

// Five samples, 5 s apart. Video begins with the second, and audio ends with the fourth; what a
// sample does not tell of a stream any more is what was told last.
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

const binary = new protobuf.ClientSampleEncoder('ann-1');
writeFileSync('protobuf.txt', samples.map((one) => binary.encodeToBase64(one) + '\n').join(''));
