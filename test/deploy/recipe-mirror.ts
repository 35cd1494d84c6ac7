import { MirrorCommands } from '../fixtures/mirror-command.ts';
import { publishFrom, ServedMirror } from '../fixtures/served-mirror.ts';
import type { RecipeSite } from './recipe-site.ts';

/** A mirror that has the model of a site, for the containers that fill a volume. */
export class RecipeMirror implements AsyncDisposable {
  readonly #commands: MirrorCommands;
  readonly #served: ServedMirror;

  private constructor(commands: MirrorCommands, served: ServedMirror) {
    this.#commands = commands;
    this.#served = served;
  }

  static async of(site: RecipeSite): Promise<RecipeMirror> {
    const commands = await MirrorCommands.start();
    publishFrom(commands.library, site.store, site.model.name);
    return new RecipeMirror(commands, await ServedMirror.start(...commands.places, '--policy', 'observe'));
  }

  /** The words of a recipe, with this mirror and this model in the place of those that it names. */
  words(words: readonly string[]): string[] {
    return words.map((word) =>
      word.replace(/^http:\/\/model-mirror:\d+$/, this.#served.url).replace('llama3.2:1b', 'sample:latest'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#served.stop();
    await this.#commands[Symbol.asyncDispose]();
  }
}
