export { connect, readPem, type Ways } from './connect.ts';
