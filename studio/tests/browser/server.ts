/** The real server on the bundled model, in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const REASONDIFF = process.env["REASONDIFF"] ?? "reasondiff";

export class Server {
  private constructor(
    readonly address: string,
    readonly folder: string,
    private process: ChildProcess,
  ) {}

  static async start(folder = mkdtempSync(join(tmpdir(), "reasondiff-studio-")), port = 0): Promise<Server> {
    const child = spawn(REASONDIFF, ["serve", "--port", String(port), "--data", folder], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    const address = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        said += chunk.toString();
        const found = /at (http:\/\/[\d.]+:\d+)/.exec(said);
        if (found) resolve(found[1]!);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.on("exit", (code) => reject(new Error(`${REASONDIFF} serve ended with ${code}: ${said}`)));
      child.on("error", reject);
    });
    return new Server(address, folder, child);
  }

  get port(): number {
    return Number(new URL(this.address).port);
  }

  /** Stop it as a power cut would; what it had is still there. */
  kill(): Promise<void> {
    return this.end("SIGKILL");
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
