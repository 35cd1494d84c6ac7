import type { ModelName } from '../oci/index.ts';

/** Names that Windows keeps for devices, whatever follows a dot ("Naming Files, Paths, and Namespaces"). */
const devices = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/**
 * Why a model cannot be stored under its name by this operating system, or undefined where it can. Each part of a name
 * is a directory or a file of its own: on Windows none may hold a colon, be called like a device, or end in a dot.
 */
export function whyUnstorable(name: ModelName, platform: NodeJS.Platform): string | undefined {
  if (platform !== 'win32') return undefined;
  for (const part of [name.host, name.namespace, name.model, name.tag]) {
    if (part.includes(':')) return `${part} has a colon, which no file name of Windows has`;
    if (devices.test(part)) return `${part} is the name of a device there`;
    if (/[. ]$/.test(part)) return `${part} ends in a dot, which Windows leaves out`;
  }
  return undefined;
}
