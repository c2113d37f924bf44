// Checks a provider module against the contract, offline: twin, faults, score.
// Hand over your own descriptor in place of ours, and a config that points it at the twin.
import { createModule } from 'amplifier-module-provider-openai-chatgpt'
import { formatConformance, runModuleConformance } from 'amplifier-module-provider-openai-chatgpt/conformance'

const report = await runModuleConformance(createModule({ warn: () => undefined }), {
  // config: ({ twin, folder }) => ({ base_url: twin.baseUrl, api_key: twin.issueApiKey() }),
})
console.log(formatConformance(report))
process.exitCode = report.score === report.total ? 0 : 1
