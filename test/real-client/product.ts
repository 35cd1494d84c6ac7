import type { Finding } from '../../src/findings/index.ts';
import type { CheckReport } from '../../src/report/index.ts';
import { type MainRun, runMain } from '../fixtures/run-main.ts';

/** The parts of the JSON report that these tests look at. */
export interface Checked {
  readonly exitCode: number;
  readonly partial: boolean;
  readonly summary: CheckReport['summary'];
  readonly models: readonly { readonly name: string; readonly status: string }[];
  readonly findings: readonly Finding[];
}

/** `verify-models check` on a store; one hashing thread: samples are small, and a thread costs more than they do. */
export const check = (store: string, ...words: string[]): Promise<MainRun> =>
  runMain(['check', '--store', store, '--jobs', '1', ...words]);

/** The same, and its JSON document read back. */
export async function checkStore(store: string, ...words: string[]): Promise<Checked> {
  const { status, stdout, stderr } = await check(store, '--json', ...words);
  if (stdout === '') throw new Error(`no report, exit status ${status}: ${stderr}`);
  const report: Checked = JSON.parse(stdout);
  return report;
}

/** What findings say, without their prose. */
export const rulesOf = ({ findings }: Checked): string[] => findings.map(({ rule }) => rule);
