/** A stand-in for the official library, which has the models of one store: `library.ts STORE NAME...` */
import { LibraryStandIn } from '../fixtures/library-stand-in.ts';
import { publishFrom } from '../fixtures/served-mirror.ts';

const [store = '', ...names] = process.argv.slice(2);
const library = await LibraryStandIn.start();
for (const name of names) publishFrom(library, store, name);
process.stdout.write(`${library.url.origin}\n`);
