#!/usr/bin/env node
// Runs the programs of client libraries, those named as arguments or all, against servers of their own: `./dtm4j serve`,
// MariaDB and Redis on free loopback ports with empty folders, stopped at the end. The programs print a line
// `--- PASS: name` or `--- FAIL: name` per case, like `go test`. Exit code: 0 all passed, 1 something failed, 2 a server
// did not start or did not stop.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DTM4J, Server, answers, freePort, succeeds } from '../conformance/lib/server.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PROGRAM_SECONDS = 300; // far more than any takes: one that hangs is ended
const ROOT = process.getuid() === 0 ? ['--user=root'] : []; // MariaDB refuses it unless it is said

const JAVA = process.env.JAVA_HOME ? path.join(process.env.JAVA_HOME, 'bin', 'java') : 'java';

/** What is run for each library, in its folder, one after the other; a tool that is missing skips it, in CI it fails. */
const PROGRAMS = {
  go: { tool: 'go', commands: [['go', 'test', '-count=1', '-parallel=8', '-timeout=180s', '-v', './...']] },
  python: {
    tool: 'python3',
    commands: [
      ['python3', '-m', 'venv', 'target'],
      ['target/bin/pip', 'install', '--quiet', '--requirement', 'requirements.txt'],
      ['target/bin/python', 'main.py'],
    ],
  },
  'java-legacy': {
    tool: 'mvn',
    commands: [
      ['mvn', '-q', '-B', 'compile', 'dependency:copy-dependencies', '-DincludeScope=runtime'],
      [JAVA, '-cp', 'target/classes:target/dependency/*', 'Main'],
    ],
  },
};

const servers = [];

async function start(name, folder, command, ready) {
  const server = await Server.spawn(name, folder, command);
  servers.push(server);
  if (!(await server.starts(ready))) throw new Error(`${name} does not start`);
}

/** Whether a connection to the port is taken. */
async function listens(port) {
  const socket = connect(port, '127.0.0.1');
  const open = await succeeds(once(socket, 'connect'));
  socket.destroy();
  return open;
}

async function startMariaDb(folder) {
  const [port, data] = [await freePort(), path.join(folder, 'mariadb')];
  const made = spawnSync(
    'mariadb-install-db',
    ['--no-defaults', ...ROOT, `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
    // A server deletes at its start what looks like a left-over there, also that of others.
    { encoding: 'utf8', env: { ...process.env, TMPDIR: folder } },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.error ?? made.stderr}`);
  const command = ['mariadbd', '--no-defaults', ...ROOT, `--datadir=${data}`, `--init-file=${path.join(HERE, 'bank.sql')}`];
  const fast = ['--skip-log-bin', '--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=0']; // it need not outlive the power
  const local = [`--tmpdir=${folder}`, '--bind-address=127.0.0.1', `--port=${port}`, `--socket=${path.join(data, 'socket')}`];
  await start('mariadb', folder, [...command, ...fast, ...local], () => listens(port));
  return port;
}

async function startRedis(folder) {
  const port = await freePort();
  const command = ['redis-server', '--bind', '127.0.0.1', '--port', String(port), '--save', '', '--dir', folder];
  await start('redis', folder, command, () => listens(port));
  return port;
}

async function startDtm(folder) {
  const [http, grpc] = [await freePort(), await freePort()];
  const config = path.join(folder, 'conf.yml');
  await writeFile(
    config,
    `BindAddress: 127.0.0.1\nHttpPort: ${http}\nGrpcPort: ${grpc}\nLogLevel: warn\n` +
      // Services on a busy machine may be slow; nothing here waits for the default of 3 s.
      'RequestTimeout: 15\n' +
      `Store: {Dir: ${JSON.stringify(path.join(folder, 'data'))}}\n`,
  );
  await start('dtm4j', folder, [DTM4J, 'serve', '-c', config], () => answers(`http://127.0.0.1:${http}`));
  return { http, grpc };
}

/** Whether all cases of a library passed; also when it was skipped. */
async function run(name, { tool, commands }, env) {
  if (spawnSync(tool, ['--version']).error) {
    const verdict = process.env.CI === 'true' ? 'FAIL' : 'SKIP';
    console.log(`--- ${verdict}: ${name}: no ${tool} on the PATH, so nothing of this client library was tried`);
    return verdict === 'SKIP';
  }
  for (const [command, ...args] of commands) {
    const program = spawn(command, args, {
      cwd: path.join(HERE, name),
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: PROGRAM_SECONDS * 1000,
      env: { ...process.env, ...env },
    });
    const [code, signal] = await once(program, 'exit');
    if (code !== 0) {
      console.error(`${name}: ${command} ended with ${code ?? signal}`);
      return false;
    }
  }
  return true;
}

async function main(folder, names) {
  let code = 0;
  try {
    const [mariadb, redis, dtm] = await Promise.all([startMariaDb(folder), startRedis(folder), startDtm(folder)]);
    const env = {
      DTM_HTTP: `http://127.0.0.1:${dtm.http}/api/dtmsvr`,
      DTM_GRPC: `127.0.0.1:${dtm.grpc}`,
      MARIADB_PORT: String(mariadb),
      REDIS_PORT: String(redis),
    };
    for (const name of names) {
      if (!(await run(name, PROGRAMS[name], env))) code = 1;
    }
  } catch (error) {
    console.error(error.message);
    code = 2;
  }
  for (const server of servers) {
    if (!(await server.stops())) code = 2;
    if (code === 2 || (code === 1 && server.name === 'dtm4j')) await server.showLog();
  }
  return code;
}

const names = process.argv.slice(2);
const unknown = names.filter(name => !Object.hasOwn(PROGRAMS, name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')} (expected: ${Object.keys(PROGRAMS).join(', ')})`);
  process.exit(2);
}
const folder = await mkdtemp(path.join(tmpdir(), 'dtm4j-interop-'));
try {
  process.exitCode = await main(folder, names.length > 0 ? names : Object.keys(PROGRAMS));
} finally {
  await rm(folder, { recursive: true, force: true });
}
