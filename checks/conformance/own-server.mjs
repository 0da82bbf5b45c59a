#!/usr/bin/env node
// Runs the scenarios against a server of their own: `./dtm4j serve` on free loopback ports with an empty data folder,
// stopped at the end. Takes the options of run.mjs, --http, --grpc and --alert-port excepted, and
//   --commit-delay MS             each commit takes so much longer
//   --store-faults PERCENT[,SEED] so many writes of the store end without a known outcome: not stored, stored, or stored
//                                 later; as many take longer. Implies --store-trouble.
// Exit code: that of run.mjs, or 2 when the server does not start or does not stop, or faults did not occur as they must.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DTM4J, Server, answers, freePort } from './lib/server.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Takes `--name value` out of the words; undefined: it is not there. */
function taken(words, name) {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}

/** Below so many percent the scenarios write too seldom for each kind of fault to occur in each run. */
const EACH_KIND_FROM = 5;

/** Whether the server tells that each kind of fault has occurred; where faults are rare, that any did. */
function occurred(log, percent) {
  const line = log.match(/^.*disturbed on purpose.*$/m)?.[0] ?? 'no fault of the store is counted';
  console.log(line);
  const counts = [...line.matchAll(/(\w+)="(\d+)"/g)];
  if (percent >= EACH_KIND_FROM) return counts.length === 6 && counts.every(([, , count]) => count > 0);
  return counts.some(([, name, count]) => !['undisturbed', 'delayed'].includes(name) && count > 0);
}

async function main(folder) {
  const words = process.argv.slice(2);
  const delay = taken(words, '--commit-delay');
  const faults = taken(words, '--store-faults');
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
  const env = { ...process.env };
  const set = (name, value) => {
    env.DTM4J_JAVA_OPTS = `${env.DTM4J_JAVA_OPTS ?? ''} -Ddtm4j.test.${name}=${value}`;
  };
  if (delay) set('commitDelayMillis', delay);
  if (faults) {
    set('storeFaults', faults);
    words.push('--store-trouble');
  }
  const server = await Server.spawn('dtm4j', folder, [DTM4J, 'serve', '-c', config], env);
  const url = `http://127.0.0.1:${http}`;
  let code = 2;
  if (await server.starts(() => answers(url))) {
    const options = ['--http', url, '--grpc', `127.0.0.1:${grpc}`, '--alert-port', alert, ...words];
    const run = spawn(process.execPath, [path.join(HERE, 'run.mjs'), ...options], { stdio: 'inherit' });
    [code] = await once(run, 'exit');
  } else {
    console.error(`the server does not answer at ${url}`);
  }
  if (!(await server.stops())) code = 2;
  if (code === 0 && faults && !occurred(await server.logged(), parseFloat(faults))) {
    console.error('faults of the store, or a kind of them, never occurred: nothing is shown');
    code = 2;
  }
  if (code !== 0) await server.showLog();
  return code ?? 2;
}

const folder = await mkdtemp(path.join(tmpdir(), 'dtm4j-conformance-'));
try {
  process.exitCode = await main(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
