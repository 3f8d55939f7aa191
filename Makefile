# Every command of the project. `make help` lists them. Only Python 3.9 or newer, git and make must be there.
.DEFAULT_GOAL := help
.PHONY: help env run chat telegram train facts reach matrix preview gaps export erase validate test evaluate safety lint stock tune adapter public bench widget lock suite botium reload backup restore move doctor fuzz audit sbom cluster soak profile clean

PYTHON3 ?= python3
PYTHON := .venv/bin/python -W ignore

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

env: ## make the environment (TENSORFLOW=1 adds TensorFlow, for Rasa components that this project does not use)
	@$(PYTHON3) tools/environment.py

run: env ## start the assistant; trains first where needed (other ports: DYSTONIA_PORT, DYSTONIA_ACTION_PORT)
	@$(PYTHON) -m server.run

chat: env ## talk to the running assistant in this terminal
	@$(PYTHON) -m tools.chat

telegram: env ## set up Telegram: make telegram DO=check (or poll, delete-webhook, "set-webhook https://chat.example.org")
	@$(PYTHON) -m tools.telegram $(or $(DO),check)

train: env ## train the model where its inputs changed
	@$(PYTHON) -m server.model

reach: env ## list cards that no question finds, that lose to another, or whose answers are alike
	@$(PYTHON) -m tools.facts reach

matrix: env ## write docs/matrix.md: which card says what of every type and treatment
	@$(PYTHON) -m tools.facts matrix

suite: env $(if $(URL),,train) ## hold the conversations of suite/ and print a score card (another bot's: make suite URL=webhook)
	@$(PYTHON) -m $(if $(URL),suite $(URL),tools.suite)

botium: env $(if $(URL),,train) ## run a part of them through botium-core from npm (needs Node; another bot's: make botium URL=webhook)
	@$(PYTHON) -m $(if $(URL),suite.botium $(URL),tools.suite botium)

facts: env ## check the fact files and say, in plain words, what to mend
	@$(PYTHON) -m tools.facts

preview: env ## show all cards on a local page, to read, to search, to print, and for a clinician's review
	@$(PYTHON) -m tools.facts preview

gaps: env ## list what visitors asked and were not understood, grouped, as a worklist for new cards
	@$(PYTHON) -m tools.gaps

export: env ## print all that is kept of one talk: make export TALK=widget:... (docs/privacy.md)
	@$(PYTHON) -m tools.person export '$(TALK)'

erase: env ## delete all that is kept of one talk: make erase TALK=widget:...
	@$(PYTHON) -m tools.person erase '$(TALK)'

reload: env ## have the running assistant take the present model and facts, with no message lost
	@$(PYTHON) -m tools.reload

backup: env ## copy talks, events and the widget's secret into var/backups; the assistant may run
	@$(PYTHON) -m tools.backup backup

restore: env ## put a backup back: make restore FILE=var/backups/...
	@$(PYTHON) -m tools.backup restore '$(FILE)'

move: env ## move what is in the data folder into the PostgreSQL database of the settings (docs/deploy.md)
	@$(PYTHON) -m tools.move

doctor: env ## say what is wrong with this installation, each with its mend
	@$(PYTHON) -m tools.doctor

validate: env ## Rasa's own check of domain, rules, stories and examples
	@$(PYTHON) -m tools.validate

test: env train ## run all tests
	@$(PYTHON3) tools/environment.py servers || echo "Without these packages most of tests/servers/ is skipped."
	@$(PYTHON) -m pytest

evaluate: env train ## measure the understanding on held-out questions, beside three bounds, with a page of plots
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PYTHON) -m tools.evaluate # one core, as the server has it

safety: env train ## measure emergencies, crises, look-alikes and boundaries; write the hazard log docs/safety.md
	@$(PYTHON) -m tools.safety

lint: env train ## read every reply, written down and in 5,000 random talks, for what may not be said (about ten minutes)
	@$(PYTHON) -m tools.linter

stock: env ## train stock Rasa on the same examples, for `make evaluate` (hours; 2.6 GB of packages)
	@$(PYTHON) -m tools.stock

tune: env train ## measure on the development questions, which may be looked at and tuned to
	@$(PYTHON) -m tools.tune

adapter: env ## teach the sentence encoder anew from the examples (about ten minutes; installs TensorFlow, 2.6 GB, the first time)
	@$(PYTHON) -m tools.adapter

public: env ## measure the components on public data, fetched by hand: make public DATA=folder
	@$(PYTHON) -m tools.public $(DATA)

bench: env train ## measure speed, memory and growth beside stock Rasa (installs it, 2.6 GB, the first time); PART="turns long stored cards"
	@$(PYTHON) -m tools.bench $(PART)

soak: env train ## 50,000 turns (other number: TURNS): does memory grow, does any reply fail
	@$(PYTHON) -m tools.soak $(TURNS)

profile: env train ## show where the milliseconds of a turn go
	@$(PYTHON) -m tools.profile

widget: ## check the types and the style of the chat widget's source (needs Node)
	@cd widget && npm ci --silent && npm run --silent check && echo "Types and style of widget/widget.js are fine."

fuzz: env train ## send 10,000 odd messages and bodies to each channel (about an hour)
	@DYSTONIA_FUZZ=10000 $(PYTHON) -m pytest tests/faults/test_fuzz.py

audit: env ## compare the pins with a copy of the PyPA advisory database: make audit DATA=folder
	@$(PYTHON) -m tools.audit $(DATA)

sbom: env ## list every installed package with its licence in reports/sbom.json (CycloneDX)
	@$(PYTHON) -m tools.sbom
cluster: env train ## several instances here, with real servers: make cluster (or DO=serve, DO=measure)
	@$(PYTHON3) tools/environment.py servers
	@$(PYTHON) -m tools.cluster $(or $(DO),talk)

lock: env ## pin all packages anew, with hashes
	@$(PYTHON3) tools/environment.py lock

clean: ## remove everything that commands have made here
	rm -rf widget/node_modules suite/botium/node_modules .venv .venv-tools .venv-stock .venv-sbom .venv-servers .rasa var reports/latest
	rm -rf models/*.tar.gz models/*.damaged models/encoder models/facts
