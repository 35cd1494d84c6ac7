import { damages } from './damages.ts';
import { repairsWhatItFinds } from './repair-scenario.ts';
import { StandInSite } from './stand-in-site.ts';

const skip = process.platform === 'win32' ? 'needs a POSIX shell' : false;

/** One damage a rule; the real client, where there is one, is shown all of them. */
const first = damages.filter(({ rule }, at) => damages.findIndex((other) => other.rule === rule) === at);

repairsWhatItFinds('the recorded stand-in of the client', skip, first, () => StandInSite.start());
