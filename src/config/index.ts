export { defaultSettingsFile, loadSettings, type SettingsSources, variableOf } from './load-settings.ts';
export {
  type Format,
  formats,
  progressKinds,
  type SettingKey,
  type Settings,
  settingKeys,
} from './settings.ts';
