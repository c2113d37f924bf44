export { LLMError } from './contract/index.js'
