/** A real server in a folder of its own: with drawn videos, or with the bundled model. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const REASONDIFF = process.env["REASONDIFF"] ?? "reasondiff";
const PYTHON = process.env["PYTHON"] ?? "python";
const ROOT = new URL("../../..", import.meta.url).pathname;

export type Maker = "drawn" | "bundled";

export class Server {
  private constructor(
    readonly address: string,
    readonly folder: string,
    private readonly maker: Maker,
    private process: ChildProcess,
  ) {}

  static async start(maker: Maker, folder = temporary(), port = 0): Promise<Server> {
    const [program, ...options] =
      maker === "drawn"
        ? [PYTHON, "-m", "tests.studio.drawn", folder, String(port)]
        : [REASONDIFF, "serve", "--port", String(port), "--data", folder];
    const child = spawn(program!, options, { stdio: ["ignore", "pipe", "pipe"], cwd: ROOT });
    let said = "";
    const address = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        said += chunk.toString();
        const found = /at (http:\/\/[\d.]+:\d+)/.exec(said);
        if (found) resolve(found[1]!);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.on("exit", (code) => reject(new Error(`${program} ended with ${code}: ${said}`)));
      child.on("error", reject);
    });
    return new Server(address, folder, maker, child);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** The same server after it was killed; what it had is still there. */
  async restarted(): Promise<Server> {
    return Server.start(this.maker, this.folder, Number(new URL(this.address).port));
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private end(signal: NodeJS.Signals): Promise<void> {
    return new Promise((resolve) => {
      this.process.removeAllListeners("exit");
      this.process.on("exit", () => resolve());
      this.process.kill(signal);
    });
  }
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), "reasondiff-studio-"));
}
