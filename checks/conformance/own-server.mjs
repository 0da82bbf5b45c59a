#!/usr/bin/env node
// Runs the scenarios against a server of their own: `./dtm4j serve` on free loopback ports with an empty data folder,
// stopped at the end. Takes the options of run.mjs, --http, --grpc and --alert-port excepted, and
//   --commit-delay MS   each commit takes so much longer
// Exit code: that of run.mjs, or 2 when the server does not start or does not stop.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const COMMAND = path.join(HERE, '..', '..', 'dtm4j');
const START_SECONDS = 120;
const STOP_SECONDS = 15;

/** A free loopback port below the range from which the system takes the ports of outgoing connections. */
async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

async function answers(url) {
  return fetch(`${url}/api/ping`).then(
    answer => answer.ok,
    () => false,
  );
}

async function started(server, url) {
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; await pause(100)) {
    if (server.exitCode !== null) return false;
    if (await answers(url)) return true;
  }
  return false;
}

/** Whether the server ended by itself after SIGTERM. */
async function stopped(server) {
  if (server.exitCode !== null || server.signalCode !== null) return false;
  const end = once(server, 'exit').then(() => true);
  server.kill('SIGTERM');
  const inTime = await Promise.race([end, pause(STOP_SECONDS * 1000, false, { ref: false })]);
  if (!inTime) server.kill('SIGKILL');
  return inTime;
}

/** Takes `--name value` out of the words; undefined: it is not there. */
function taken(words, name) {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}

async function main(folder) {
  const words = process.argv.slice(2);
  const delay = taken(words, '--commit-delay');
  const [http, grpc, alert] = [await freePort(), await freePort(), await freePort()];
  const config = path.join(folder, 'conf.yml');
  await writeFile(
    config,
    `BindAddress: 127.0.0.1
HttpPort: ${http}
GrpcPort: ${grpc}
AlertWebHook: http://127.0.0.1:${alert}/alert
LogLevel: warn
Store: {Dir: ${JSON.stringify(path.join(folder, 'data'))}}
`,
  );
  const log = path.join(folder, 'server.log');
  const output = await open(log, 'w');
  const env = { ...process.env };
  if (delay) env.DTM4J_JAVA_OPTS = `${env.DTM4J_JAVA_OPTS ?? ''} -Ddtm4j.test.commitDelayMillis=${delay}`;
  const server = spawn(COMMAND, ['serve', '-c', config], { cwd: folder, env, stdio: ['ignore', output.fd, output.fd] });
  const url = `http://127.0.0.1:${http}`;
  let code = 2;
  if (await started(server, url)) {
    const options = ['--http', url, '--grpc', `127.0.0.1:${grpc}`, '--alert-port', alert, ...words];
    const run = spawn(process.execPath, [path.join(HERE, 'run.mjs'), ...options], { stdio: 'inherit' });
    [code] = await once(run, 'exit');
  } else {
    console.error(`the server does not answer at ${url}`);
  }
  if (!(await stopped(server))) {
    console.error('the server ended early, or not within 15 s of SIGTERM');
    code = 2;
  }
  if (code !== 0) console.error(`what the server logged:\n${(await readFile(log, 'utf8')).slice(-20_000)}`);
  return code ?? 2;
}

const folder = await mkdtemp(path.join(tmpdir(), 'dtm4j-conformance-'));
try {
  process.exitCode = await main(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
