// Makes the fixtures of schema 2 beside it with ObserveRTC's own encoder of it:
//
//   npm install --no-save @observertc/samples-encoder@2.2.12
//   node make-flat.mjs
//
// There is no decoder of it. What is expected are the samples that the encoder was given, which report
// nothing that it cannot.
import { writeFileSync } from 'node:fs';
import encoding from '@observertc/samples-encoder';
import * as messages from '@observertc/samples-encoder/dist/OutputSamples.js';

const START = 1795328740000;
const CANDIDATES = ['pc-1', 'pc-2'].map((peerConnectionId, n) => ({
  peerConnectionId, id: `L${n}`, address: '192.0.2.7', port: 5000 + n, priority: 9 + n,
  protocol: n ? 'tcp' : 'udp', candidateType: n ? 'relay' : 'host', ...(n ? { relayProtocol: 'tls' } : {}),
}));

// Six samples, 5 s apart, of two peer connections, the second of which is closed with the fifth.
// Video begins with the second sample, audio ends with the fifth and begins anew with the sixth, and
// loss begins when it does. Both connections call their pairs the same.
const sample = (clientId) => (n) => {
  const timestamp = START + n * 5000;
  const of = (trackId, ssrc, peerConnectionId = 'pc-1') => ({ trackId, ssrc, peerConnectionId });
  const audio = {
    ...of('a', 7), sfuStreamId: 's', packetsReceived: 100 + 250 * n, packetsLost: n > 1 ? 3 : 0,
    ...(n === 0 ? {} : { jitter: 0.004 + (n === 2 ? 1 : n) / 1000 }),
    totalSamplesReceived: 48000 * n, concealedSamples: 0,
  };
  const video = {
    ...of('v', 8, 'pc-2'), packetsReceived: 600 * n, packetsLost: n > 2 ? 4 : 0, framesDecoded: 150 * n,
  };
  const sent = (ssrc, more) => ({
    ...of('w', ssrc), rid: `r${ssrc}`, packetsSent: 400 * (n + 1), bytesSent: 90000 * (n + 1),
    active: n !== 3, qualityLimitationDurationNone: 5 + 5 * n, qualityLimitationReason: n > 2 ? 'cpu' : 'none', ...more,
  });
  const pair = (peerConnectionId, m) => ({
    candidatePairId: 'CP', peerConnectionId, localCandidateId: `L${m}`, remoteCandidateId: `R${m}`,
    transportId: 'T', state: 'succeeded', nominated: true, totalRoundTripTime: (n + 1 + m) / 16,
    responsesReceived: n + 1 + m, availableOutgoingBitrate: 500000,
  });
  const transport = (peerConnectionId) => ({
    peerConnectionId, transportId: 'T', selectedCandidatePairId: 'CP', iceState: 'connected',
    dtlsState: 'connected', dtlsRole: 'client', selectedCandidatePairChanges: n > 2 ? 2 : 1,
  });
  const open = n < 4 ? ['pc-1', 'pc-2'] : ['pc-1'];
  const first = {
    mediaDevices: [{ id: 'd', kind: 'audioinput', label: 'a microphone' }],
    codecs: [{ mimeType: 'audio/opus', codecType: 'decode' }],
    userMediaErrors: ['NotFoundError: none'],
  };
  const events = [
    [{ name: 'CLIENT_JOINED', timestamp }],
    [{ name: 'ICE_CONNECTION_STATE_CHANGED', value: 'connected', peerConnectionId: 'pc-1', timestamp }],
    [], [], [], [{ name: 'CLIENT_LEFT', timestamp }],
  ];
  return {
    timestamp, clientId, callId: 'standup-0423', roomId: 'r', userId: 'u', sampleSeq: n,
    browser: { name: 'Chrome', version: n > 3 ? '157' : '156' }, os: { name: 'Linux' },
    ...(n === 0 ? first : {}),
    ...(events[n].length ? { customCallEvents: events[n] } : {}),
    ...(n === 4 ? {} : { inboundAudioTracks: [audio] }),
    ...(n > 0 && n < 4 ? { inboundVideoTracks: [video] } : {}),
    outboundVideoTracks: [
      sent(9, { jitter: 0.002, packetsLost: n > 3 ? 1 : 0, totalRoundTripTime: n + 1, roundTripTimeMeasurements: n + 1 }),
      sent(10, {}),
    ],
    iceCandidatePairs: open.map(pair),
    pcTransports: open.map(transport),
    iceLocalCandidates: CANDIDATES,
  };
};

const lines = (values) => values.map((value) => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`).join('');
const write = (file, texts, samples) => {
  writeFileSync(`${file}.txt`, lines(texts));
  writeFileSync(`${file}.samples.jsonl`, lines(samples));
};
const COUNT = [0, 1, 2, 3, 4, 5];
const ann = COUNT.map(sample('ann-1'));
const one = new encoding.ClientSampleEncoder();
write('flat', ann.map((reported) => one.encodeToBase64(reported)), ann);

// As an application sends those of several clients, of whom the second left early.
const bob = COUNT.slice(0, 3).map(sample('bob-2'));
const many = new encoding.SamplesEncoder();
const both = ann.map((reported, n) => ({ clientSamples: [reported, bob[n]].filter((one) => one) }));
write('flat-clients', both.map((reported) => many.encodeToBase64(reported)), both.flatMap((reported) => reported.clientSamples));

// Two samples that report every member of the schema, each with a value of its own, and in the second
// one some that did not change. All ids are UUIDs.
const UUID = (n) => `0f8fad5b-d9cb-469f-a165-${String(70867728950000 + n).slice(-12)}`;
const NAMES = {
  protocol: ['tcp', 'udp', 'tls'], relayProtocol: ['tcp', 'udp', 'tls'], dtlsRole: ['client', 'server', 'unknown'],
  codecType: ['encode', 'decode'],
};
const LISTS = messages.Samples_ClientSample.fields.list().filter((field) => field.repeated);
let count = 0;
const filled = (name, n) => Object.fromEntries(
  messages[`Samples_ClientSample${name}`].fields.list().filter((field) => !field.repeated).map((field) => {
    const number = 1 + count++ + (count % 3 ? n * 1000 : 0);
    if (field.name === 'timestamp') return [field.name, START + n * 5000];
    if (field.name === 'ssrc') return [field.name, 7 + LISTS.findIndex(({ T }) => T.name?.endsWith(name))];
    if (/^(trackId|trackIdentifier|peerConnectionId|clientId|callId|remoteClientId|sfu.*Id)$/.test(field.name)) {
      return [field.name, UUID(field.name.length)];
    }
    if (field.name === 'candidatePairId' || field.name === 'id') return [field.name, name];
    if (field.name === 'dataChannelIdentifier') return [field.name, 3];
    if (field.name === 'kind') return [field.name, name === '_MediaDevice' ? 'audiooutput' : 'video'];
    if (field.kind === 'enum') return [field.name, NAMES[field.name][field.name === 'relayProtocol' ? 2 : 1]];
    if (field.kind === 'message') return [field.name, filled(`_${field.T.name.split('_').pop()}`, n)];
    if (field.T === 8 /* bool */) return [field.name, true];
    if (field.T === 1 /* double */) return [field.name, number / 8];
    return [field.name, field.T === 9 /* string */ ? `${field.name}-${number}` : number];
  }),
);
// Members that the encoder writes once, as the application does.
const ONCE = ['certificates', 'codecs', 'iceServers', 'localSDPs', 'mediaConstraints', 'mediaDevices', 'userMediaErrors'];
const every = (n) => {
  count = 0;
  const reported = filled('', n);
  for (const { name, kind, T } of LISTS) {
    const fixed = name.endsWith('Candidates') ? 0 : n;
    const item = kind === 'message' ? filled(`_${T.name.split('_').pop()}`, fixed) : `${name}-${count++}`;
    if (!(n && ONCE.includes(name))) reported[name] = [item];
  }
  return reported;
};
const reported = [0, 1].map(every);
const uuids = new encoding.ClientSampleEncoder(Object.fromEntries(
  ['callId', 'sfuStreamId', 'sfuSinkId', 'clientId', 'peerConnectionId', 'trackId'].map((id) => [`${id}IsUuid`, true]),
));
write('flat-every', reported.map((sample) => {
  const encoded = uuids.encodeToProtobufSamples(sample);
  // Members of the schema that the encoder never writes.
  encoded.customObserverEvents = sample.customObserverEvents.map((event) => (
    new messages.Samples_ClientSample_CustomObserverEvent({ ...event, timestamp: BigInt(event.timestamp) })
  ));
  if (sample === reported[0]) encoded.dataChannels[0].peerConnectionId = encoded.pcTransports[0].peerConnectionId;
  return Buffer.from(encoded.toBinary()).toString('base64');
}), reported);
