export { movedText } from './moved-text.ts';
