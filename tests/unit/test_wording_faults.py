"""What no reply may hold: 55 planted faults, written by hand apart from the rules, are found; near-misses are let be."""

from __future__ import annotations

import pytest

from dystonia import wording

DOSES = [
    "Most adults start on 5 mg three times a day.",
    "Take two tablets with food in the morning.",
    "A quarter of a pill at bedtime is usually enough.",
    "Around 200 units go into the neck muscles.",
    "The usual amount is one and a half tablets.",
    "Give your son half a teaspoon of the syrup.",
    "You can take up to 80 milligrams daily.",
    "Clonazepam 0.5mg at night helps many people.",
    "Twenty units each side is common.",
    "Have one capsule every eight hours.",
    "Three drops under the tongue calm the spasm.",
]
DIAGNOSES = [
    "You have cervical dystonia.",
    "It sounds like you have blepharospasm.",
    "This is definitely dystonia in your hand.",
    "Your symptoms show that you have Parkinson's disease.",
    "What you describe is spasmodic dysphonia.",
    "Your daughter has DYT1 dystonia.",
    "You do not have a stroke.",
    "That is just anxiety, not dystonia.",
    "Your scan is normal, so it can't be your brain.",
    "You are suffering from a dystonic storm.",
    "It looks to me like torticollis.",
]
ADVICE = [
    "You should stop your baclofen now.",
    "Stop taking the tablets if they make you sleepy.",
    "Double your dose until the spasm goes.",
    "It is fine to skip the evening pill.",
    "You could try coming off clonazepam slowly.",
    "You need to switch to injections.",
    "Start levodopa as soon as you can.",
    "Halve the medicine for a week.",
    "You do not need your injections any more.",
    "Turn your stimulator down a little tonight.",
    "I would increase it if I were you.",
]
PROMISES = [
    "This treatment will cure your dystonia.",
    "Botulinum toxin is completely safe.",
    "You will get better soon.",
    "We guarantee relief within a week.",
    "There are no side effects at all.",
    "Physiotherapy always works for necks.",
    "It never comes back after surgery.",
    "Do not worry, it is nothing serious.",
    "Your child will walk again.",
    "The exercises are a sure way to be rid of spasms.",
    "It is 100% effective in young people.",
]
BRANDS = [
    "Botox is better than Dysport.",
    "Xeomin works best for eyelids.",
    "Choose Medtronic for the battery.",
    "We recommend Dysport for the neck.",
    "Myobloc is the strongest of the toxins.",
    "Ask for Lioresal rather than a copy.",
    "Most doctors prefer Botox.",
    "Daxxify lasts longer, so people like it.",
    "The safest brand is Xeomin.",
    "Dysport is superior for limb dystonia.",
    "Avoid Botox in the throat.",
]
PLANTED = {
    "gives a dose": DOSES,
    "makes a diagnosis": DIAGNOSES,
    "advises starting, stopping or changing a medicine": ADVICE,
    "makes a promise": PROMISES,
    "prefers a brand": BRANDS,
}

NEAR_MISSES = [
    # No dose.
    "Only the prescriber can say how much is right for you.",
    "Units differ between products and can't be swapped one for one.",
    "About 30 in 100,000 people have it.",
    "It was found in 2 of 10 families.",
    "The injections are given about every 12 weeks.",
    "It comes as tablets, drops or a liquid.",
    "One kind of tablet may suit you and another may not.",
    "A scan takes about 20 minutes.",
    "Give up to five firm blows between the shoulder blades.",
    "Keep the pills out of the reach of a child.",
    # No diagnosis.
    "If you have cervical dystonia, a collar may not help.",
    "Only an examination can show whether you have dystonia.",
    "Many people who have dystonia also have pain.",
    "You have the right to a second opinion.",
    "If you have had a stroke, tell the doctor.",
    "Blepharospasm is dystonia of the eyelids.",
    "I can't tell whether you have dystonia, because only an examination can show that.",
    "Your doctor can tell you which type it is.",
    "Say that you have DBS for dystonia and that it may have stopped.",
    "A tremor can look like dystonia at first.",
    "A normal brain scan does not rule dystonia out.",
    # No advice to start, stop or change.
    "Please do not stop a medicine suddenly.",
    "Never change the dose by yourself.",
    "Stopping baclofen suddenly can be dangerous.",
    "Ask the prescriber before you stop your tablets.",
    "If you want to stop, talk to the prescriber first.",
    "Spasms that will not stop are an emergency.",
    "Start by writing down what happens and when.",
    "The doctor may lower the dose over some weeks.",
    "Some people with neck dystonia stop the injections in the end.",
    "Say that you have run out or stopped.",
    "Magnets can switch the device off.",
    "Ask the team before changing any setting.",
    "You should tell the doctor about all your medicines.",
    "I can't advise on starting, stopping or changing a treatment.",
    # No promise.
    "For most kinds of dystonia there is no cure yet.",
    "I can't promise a result, because nobody can.",
    "It may get better, but nobody can say when.",
    "No treatment is free of risk.",
    "It does not always work.",
    "You will be asked about your medicines.",
    "Surgery does not guarantee relief.",
    "You will need someone to take you home.",
    "I can't tell you that it is safe to wait.",
    "Not everyone has a trick, so do not worry if none of these works for you.",
    # No preference.
    "Botox, Dysport and Xeomin are brands of botulinum toxin.",
    "Studies found similar benefit from all of them.",
    "I can't say that one brand is better.",
    "The units of Botox and Dysport are not the same.",
    "Botox was the first to be approved.",
    "Is Dysport better than Botox?",
    "Medtronic and Abbott both make brain stimulators.",
]


def test_there_are_fifty_of_each() -> None:
    assert sum(map(len, PLANTED.values())) >= 50
    assert len(NEAR_MISSES) >= 50


@pytest.mark.parametrize("fault, text", [(fault, text) for fault, texts in PLANTED.items() for text in texts])
def test_a_planted_fault_is_found(fault: str, text: str) -> None:
    assert fault in [rule.fault for rule in wording.faults(text)]


@pytest.mark.parametrize("fault, text", [(fault, texts[0]) for fault, texts in PLANTED.items()])
def test_a_fault_is_found_in_the_middle_of_a_reply(fault: str, text: str) -> None:
    reply = f"Dystonia is a movement disorder.\n\n• {text}\n• It may twist the neck.\n\nSources: a leaflet (2020)."

    assert fault in [rule.fault for rule in wording.faults(reply)]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_a_near_miss_is_let_be(text: str) -> None:
    assert [rule.fault for rule in wording.faults(text)] == []
