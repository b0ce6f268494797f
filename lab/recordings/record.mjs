// Records a real call: two peer connections in one page of headless Chromium, with fake
// microphone and camera, audio and video both ways. Writes Isobar's envelopes, one a line.
//
//     npm ci && node record.mjs > call.jsonl
//
// The network is made slower and lossy. In the middle of the call the caller's video sender is stopped and another one added (a new
// SSRC), and ICE is restarted. Addresses are replaced by documentation addresses (RFC 5737).
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const SECONDS = 40;
const PERIOD_MS = 2000;
const CLIENTS = {
  caller: { client_address: '192.0.2.10', edge: 'fra1', client_version: '4.2.1' },
  callee: { client_address: '198.51.100.20', edge: 'fra1', client_version: '4.2.0' },
};

// Runs in the page.
async function call({ seconds, periodMs }) {
  const events = [];
  const sides = {};
  const tell = (name, event, more = {}) =>
    events.push({ event, participant: name, timestamp: Date.now(), ...more });
  const report = async name => {
    const stats = Object.fromEntries(await sides[name].pc.getStats());
    tell(name, 'stats', { report: stats });
  };

  for (const name of ['caller', 'callee']) {
    const pc = new RTCPeerConnection();
    const joined = Date.now();
    tell(name, 'joined');
    const connected = new Promise((resolve, reject) => {
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === 'connected') resolve(Date.now() - joined);
        if (pc.connectionState === 'failed') reject(new Error(`${name} did not connect`));
      };
    });
    const playing = new Promise(resolve => {
      pc.ontrack = ({ track, streams }) => {
        if (track.kind !== 'video') return;
        const video = document.createElement('video');
        Object.assign(video, { srcObject: streams[0], muted: true });
        document.body.append(video);
        video.requestVideoFrameCallback(() => resolve(Date.now() - joined));
        video.play();
      };
    });
    sides[name] = { pc, connected, playing };
  }
  const { caller, callee } = sides;
  caller.pc.onicecandidate = ({ candidate }) => callee.pc.addIceCandidate(candidate ?? undefined);
  callee.pc.onicecandidate = ({ candidate }) => caller.pc.addIceCandidate(candidate ?? undefined);

  const negotiate = async options => {
    await caller.pc.setLocalDescription(await caller.pc.createOffer(options));
    await callee.pc.setRemoteDescription(caller.pc.localDescription);
    await callee.pc.setLocalDescription();
    await caller.pc.setRemoteDescription(callee.pc.localDescription);
  };
  const capture = () => navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 640, height: 360, frameRate: 20 },
  });

  for (const { pc } of [caller, callee]) {
    const stream = await capture();
    for (const track of stream.getTracks()) pc.addTrack(track, stream);
  }
  await negotiate();
  for (const [name, side] of Object.entries(sides)) {
    const time_to_connect_ms = await side.connected;
    const time_to_media_ms = await side.playing;
    tell(name, 'connected', { time_to_connect_ms, time_to_media_ms });
  }

  const start = Date.now();
  for (let n = 1; n * periodMs <= seconds * 1000; n += 1) {
    await new Promise(resolve => setTimeout(resolve, start + n * periodMs - Date.now()));
    await Promise.all(Object.keys(sides).map(report));
    if (n * periodMs === seconds * 500) {
      const transceiver = caller.pc.getTransceivers().find(t => t.sender.track?.kind === 'video');
      transceiver.stop();
      const stream = await capture();
      caller.pc.addTrack(stream.getVideoTracks()[0], stream);
      await negotiate({ iceRestart: true });
    }
  }
  tell('callee', 'feedback', { rating: 5 });
  for (const name of Object.keys(sides)) {
    tell(name, 'left');
    sides[name].pc.close();
  }
  return events;
}

function redact(report) {
  for (const stats of Object.values(report)) {
    for (const field of ['address', 'ip', 'relatedAddress']) {
      if (field in stats) stats[field] = '192.0.2.1';
    }
    if (stats.type === 'certificate') {
      stats.base64Certificate = '';
      stats.fingerprint = '';
    }
  }
  return report;
}

// getUserMedia() wants a secure context, which loopback is.
const server = createServer((_, response) => {
  response.setHeader('content-type', 'text/html').end('<!doctype html><title>call</title>');
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const profile = await mkdtemp(join(tmpdir(), 'recording-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
  ],
});
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const network = await page.context().newCDPSession(page);
  await network.send('Network.emulateNetworkConditions', {
    offline: false, latency: 60, downloadThroughput: -1, uploadThroughput: -1, packetLoss: 3,
  });
  const user_agent = await page.evaluate(() => navigator.userAgent);
  const events = await page.evaluate(call, { seconds: SECONDS, periodMs: PERIOD_MS });
  for (const { report, ...event } of events) {
    const envelope = {
      v: 1, app: 'recording', call: 'headless-chromium', peer_connection: 'pc-0',
      ...event, sent_at: event.timestamp, user_agent, ...CLIENTS[event.participant],
      ...(report && { report: redact(report) }),
    };
    process.stdout.write(`${JSON.stringify(envelope)}\n`);
  }
} finally {
  await browser.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
