export { type ListenAddress, parseListen } from './listen-address.ts';
export { loadSettings, type SettingsOf, type SettingsSources, variableOf } from './load-settings.ts';
export {
  logLevels,
  type MirrorSettingKey,
  type MirrorSettings,
  mirrorPolicies,
  mirrorSettingKeys,
  modelMirror,
  parseUpstream,
  type UpstreamSetting,
} from './mirror-settings.ts';
export {
  type Format,
  formats,
  progressKinds,
  type SettingKey,
  type Settings,
  settingKeys,
  verifyModels,
} from './settings.ts';
export { parseBytes } from './units.ts';
