// Servers that a run starts for itself: on free loopback ports, their output in a log file, stopped in good order.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The command of this checkout. */
export const DTM4J = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dtm4j');

/** A first start of dtm4j builds it. */
const START_SECONDS = 120;
const STOP_SECONDS = 15;

/** A free loopback port below the range from which the system takes the ports of outgoing connections. */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await succeeds(once(server, 'listening'));
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Whether a promise is kept. */
export function succeeds(promise) {
  return promise.then(
    () => true,
    () => false,
  );
}

/** Whether a dtm4j answers at this url. */
export function answers(url) {
  return fetch(`${url}/api/ping`).then(
    answer => answer.ok,
    () => false,
  );
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** A process that others talk to. */
export class Server {
  #process;
  #log;

  /** Runs a command in a folder, where its log file is, too. */
  static async spawn(name, folder, [command, ...args], env = process.env) {
    const server = new Server();
    server.name = name;
    server.#log = path.join(folder, `${name}.log`);
    const output = await open(server.#log, 'w');
    server.#process = spawn(command, args, { cwd: folder, env, stdio: ['ignore', output.fd, output.fd] });
    server.#process.on('error', error => console.error(`${name}: ${error.message}`));
    await output.close();
    process.on('exit', () => server.#process.kill()); // MariaDB does not end on ^C; to one that has ended it does nothing
    return server;
  }

  /** Waits until `ready` says so; false: it ended before, or took too long. */
  async starts(ready) {
    for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; await pause(50)) {
      if (this.#hasEnded()) return false;
      if (await ready()) return true;
    }
    return false;
  }

  /** Ends it; false, and a line that says so, when it did not end by itself after SIGTERM. */
  async stops() {
    let inTime = false;
    if (!this.#hasEnded()) {
      const end = once(this.#process, 'exit').then(() => true);
      this.#process.kill('SIGTERM');
      inTime = await Promise.race([end, pause(STOP_SECONDS * 1000, false, { ref: false })]);
      if (!inTime) this.#process.kill('SIGKILL');
    }
    if (!inTime) console.error(`${this.name} ended early, or not within ${STOP_SECONDS} s of SIGTERM`);
    return inTime;
  }

  /** Shows the end of what it logged. */
  async showLog() {
    console.error(`what ${this.name} logged:\n${(await this.logged()).slice(-20_000)}`);
  }

  /** What it logged. */
  logged() {
    return readFile(this.#log, 'utf8');
  }

  /** Also when it never began. */
  #hasEnded() {
    const { pid, exitCode, signalCode } = this.#process;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}
