// Runs every convo file of a folder against a webhook of Rasa's REST form: node run.js FOLDER URL FLOOR
'use strict'

const { BotDriver } = require('botium-core')

const [folder, url, floor] = process.argv.slice(2)

const driver = new BotDriver({
  PROJECTNAME: 'Dystonia suite',
  CONTAINERMODE: 'simplerest',
  SIMPLEREST_URL: url,
  SIMPLEREST_METHOD: 'POST',
  SIMPLEREST_HEADERS_TEMPLATE: process.env.SUITE_KEY ? { Authorization: `Bearer ${process.env.SUITE_KEY}` } : {},
  SIMPLEREST_BODY_TEMPLATE:
    '{"sender": "{{botium.conversationId}}", "message": "{{#fnc.jsonify}}{{msg.messageText}}{{/fnc.jsonify}}"}',
  SIMPLEREST_RESPONSE_JSONPATH: '$[*].text',
  SCRIPTING_MATCHING_MODE: 'regexp',
  WAITFORBOTTIMEOUT: 60000
})

/** What went wrong in a conversation, or null; each has a session of its own. */
async function hold (convo) {
  const container = await driver.Build()
  try {
    await container.Start()
    await convo.Run(container)
    return null
  } catch (error) {
    return error.message
  } finally {
    await container.Stop().catch(() => {})
    await container.Clean()
  }
}

async function main () {
  const compiler = driver.BuildCompiler()
  compiler.ReadScriptsFromDirectory(folder)
  let passed = 0
  for (const convo of compiler.convos) {
    const fault = await hold(convo)
    if (fault === null) passed++
    else console.log(`${convo.header.name}: ${fault}\n`)
  }
  const total = compiler.convos.length
  console.log(`Botium: ${passed} of ${total} conversations passed.`)
  return total > 0 && 100 * passed / total >= Number(floor) ? 0 : 1
}

main().then(status => process.exit(status), error => {
  console.error(error.message)
  process.exit(2)
})
