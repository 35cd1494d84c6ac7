export { loadSettings, type SettingsOf, type SettingsSources, variableOf } from './load-settings.ts';
export {
  type ListenAddress,
  logLevels,
  type MirrorSettingKey,
  type MirrorSettings,
  mirrorPolicies,
  mirrorSettingKeys,
  modelMirror,
  parseListen,
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
