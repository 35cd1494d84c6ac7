import { type ChildProcess, spawn } from 'node:child_process';
import { describeCause, systemCode } from '../../src/errors/index.ts';

const patienceMs = 10_000;

/**
 * The fs-verity digest of an open file, by `fsverity measure` (fsverity-utils): Node.js has no such call. The file is handed
 * over open, so that no path can be swapped. An Error says why there is none.
 */
export function measureVerity(fd: number): Promise<string | Error> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn('fsverity', ['measure', '/proc/self/fd/3'], { stdio: ['ignore', 'pipe', 'pipe', fd] });
    } catch (error) {
      // Under the permission model, or a filter of system calls, it is not even tried.
      return resolve(new Error(`the program fsverity cannot be started: ${describeCause(error)}`));
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    let [said, problem] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      problem += text;
    });
    const ended = (result: string | Error) => {
      clearTimeout(timer);
      resolve(result);
    };
    child.once('error', (error) =>
      ended(
        new Error(
          systemCode(error) === 'ENOENT' ? 'the program fsverity is not installed' : describeCause(error),
        ),
      ),
    );
    child.once('close', (status) => {
      const [digest = ''] = said.split(' ');
      ended(
        status === 0 ? digest : new Error(problem.trim().slice(0, 200) || `fsverity ended with ${status}`),
      );
    });
  });
}
