export { Catalog } from './catalog.ts';
export type { CatalogChange } from './catalog-change.ts';
export type {
  AuditRow,
  CatalogAdmission,
  CatalogBlob,
  CatalogModel,
  CatalogTotals,
  MovedTag,
  Refusal,
  Refused,
} from './rows.ts';
