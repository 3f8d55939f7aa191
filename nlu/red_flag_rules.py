"""Red flags by rules that can be read: which words, said by or about a person to whom it is happening, need help at once.

A message is put in plain spelling and cut into clauses. Clauses that only ask in general, deny, tell of what is over, or
use a figure of speech are laid aside; what is left is searched for the concepts of each rule. A rule's concepts may stand
in different clauses: "botox on monday. now I can't swallow".
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Pattern, Tuple

# Slips of cramped hands and of dictation in the words that rules depend on.
_SPELLINGS: Tuple[Tuple[Pattern[str], str], ...] = tuple(
    (re.compile(pattern), right)
    for pattern, right in (
        (r"\bod(?:[’'`´]d|ed)\b", "overdose"),
        (r"[’'`´]", ""),
        (r"\b(?:can not|cannot|carnt|cnt|kant)\b", "cant"),
        (r"(.)\1{2,}", r"\1\1"),
        (r"\bbrea?the?s?\b|\bbreth\w*|\bbreath(?:e|in|ing)?\b", "breathe"),
        (r"\bsw[ao]l+[ao]w?\w*|\bswollow\w*", "swallow"),
        (r"\bcho[ck]+in?g?\b|\bchoke[sd]?\b", "choking"),
        (r"\bsu[ie]?ci?d\w*|\bsuiside\w*|\bunaliv\w*", "suicide"),
        (r"\bbot[eo]?x\b|\bbotoks\b", "botox"),
        (r"\bdrowzy\b", "drowsy"),
        (r"\bsei?z(?:ure|ing)s?\b|\bsiezures?\b", "seizure"),
        (r"\bover ?dos(?:e|ed|ing)\b", "overdose"),
        (r"\bwanna\b", "want to"),
        ("\N{SKULL}|\N{SKULL AND CROSSBONES}", " kill "),
        (r"\b(?:sats|spo2)\b", "oxygen"),
        (r"[^a-z0-9 .?!;,\n]", " "),
        (r" +", " "),
    )
)
_CLAUSES = re.compile(r"[.?!;\n]+|, (?=(?:and|but|so|now|how|what|is|can|does|i|he|she|my)\b)| but | and now ")

_QUESTION = re.compile(
    r"^ ?(?:(?:and|so|but|also|please|ok|hi|hello|just|wondering|im|curious|asking|explain|tell me) )*"
    r"(?:what|whats|which|who|where|when|how|hows|why|can|could|do|does|did|is|are|will|would|should|has|have|may|if|whether)\b"
)
_HAPPENING = re.compile(
    r"\b(?:i (?:cant|couldnt|can (?:hardly|barely)|have|ve|feel|am|just|took|keep|want|dont want|think)"
    r"|im|ive|my \w+(?: \w+)? (?:is|are|has|have|wont|cant|keeps?|went|just|stopped)"
    r"|(?:he|she|they) (?:cant|is|has|wont|keeps|just|took|stopped|isnt)|hes|shes"
    r"|right now|just now|since (?:my|the|last|yesterday|this)|this morning|last night|today|tonight)\b"
)
_HYPOTHETICAL = re.compile(
    r"\b(?:what if|if (?:i|my|he|she|you|someone)|in case|could (?:i|it|this)|will (?:i|it|he|she)|might|ever"
    r"|how (?:do|would) (?:i|you|we) (?:know|tell))\b"
)
_ANCHORED = re.compile(
    r"\b(?:since (?:my|the|last|yesterday|this|his|her|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"|right now|just now|today|tonight|yesterday|this (?:morning|evening|afternoon)|last night|an hour ago"
    r"|(?:he|she|i|my \w+) (?:just |has |have )?(?:took|taken|swallowed))\b"
)
"""What ties a question with an "if" to what has happened: "what do I do if I can't swallow since my injections"."""
_DENIED = re.compile(
    r"\b(?:no|not|never|without|isnt|wasnt|dont have|havent had|hasnt had|nothing to do with|free of) (?:\w+ ){0,3}"
    r"(?:trouble|problems?|choking|suicide|suicidal|fits?|seizure|fever|weakness|emergency|pain|swallow\w*|breathe)\b"
    r"|\b(?:breathe|swallow|breathing|swallowing)(?: \w+){0,2} (?:is|are|was) (?:fine|ok|normal|good|back to normal)\b"
    r"|\b(?:i|he|she|they) can (?:breathe|swallow) (?:fine|ok|normally|again|well)\b"
    r"|\b(?:he|she) breathe\w* (?:fine|ok|normally|again|well)\b"
)
_OVER = re.compile(
    r"\b(?:years? ago|months ago|last year|in (?:19|20)\d\d|as a (?:child|kid|teenager)"
    r"|when i was (?:a|young|little|\d+)|used to|in the past"
    r"|(?:fine|better|ok|gone|normal|recovered|resolved|passed) (?:now|again|since|afterwards)"
    r"|back to normal|it (?:passed|went away)|got over it)\b"
)
_FIGURE = re.compile(
    r"\b(?:dying (?:to|for a)|killing me|killed me with|to die for|dead (?:tired|on my feet)"
    r"|kill for|bored to death|scared to death|laughed till|choked up"
    r"|suffocating me|breath of fresh|out of breath|take a breath|hold my breath"
    r"|breathe\w* (?:exercises?|space)|a breather|stroke of luck|fit of (?:laughter|giggles)|brush ?stroke"
    r"|suicide squad|fits? (?:well|me|in|nicely|the)|heart attack on a plate|lost my voice|have a stroke when)\b"
)


class Rule(NamedTuple):
    """Raises a red flag where every concept is found. ``even_asked``: also in a clause that has a question's form.
    ``certain``: needs no second opinion."""

    red_flag: str
    concepts: Tuple[Pattern[str], ...]
    even_asked: bool = False
    certain: bool = False


def _rule(red_flag: str, *concepts: str, even_asked: bool = False, certain: bool = False) -> Rule:
    return Rule(red_flag, tuple(re.compile(rf"\b(?:{concept})") for concept in concepts), even_asked, certain)


_CANT = (
    r"(?:cant|couldnt|unable to|not able to|struggl\w+ to|hard(?:er)? (?:for \w+ )?to"
    r"|difficult to|trouble|hardly|barely|difficulty|wont)"
)
_TOXIN = r"botox|botulin\w*|botulism|dysport|xeomin|myobloc|neurobloc|daxxify|toxin|injections?\b|injected|jabs?\b|shots\b"
_TOXIN_TROUBLE = (
    rf"{_CANT} (?:\w+ ){{0,3}}(?:swallow|breathe|speak|talk|hold (?:my|his|her) head)"
    r"|swallow\w* (?:\w+ ){0,3}(?:different|hard|worse|wrong|funny|problem)|wrong way|choking"
    r"|weak(?:ness|er)?\b|double vision|seeing double|floppy|slur\w+|dribbl\w+"
    r"|drool\w+|head (?:drops|keeps dropping|flops)|nothing goes down|liquids? come"
    r"|breathe\w* (?:\w+ ){0,2}(?:shallow|hard|difficult|funny|(?:a )?struggle)"
    r"|short of breathe|voice (?:has |is )?gone|losing control of my bladder"
)
_BACLOFEN = r"baclofen|lioresal"
_PILLS = (
    r"tablets?\b|pills?\b|meds\b|medicines?\b|medication|capsules?\b|baclofen"
    r"|clonazepam|diazepam|valium|artane|trihexyphenidyl|levodopa|sinemet"
)
_STOPPED = (
    r"ran out|run out|running out|stopped taking|stopped (?:my|his|her|the)|came off|come off|gone without"
    r"|no more left|missed (?:\w+ ){0,3}doses?|cold turkey|left (?:my|his|her) (?:\w+ )?at home"
    r"|lost my (?:tablets|pills|meds|medicines?|medication|prescription|baclofen)"
)
_SPASMS = r"spasm\w*|twisting|dystonia (?:is|has|wont|keeps|just|going|getting)|arching|stiff\w*|contract\w+|posturing"
_NONSTOP = (
    r"wont stop (?!cry)|wont stop$|not stopping|non ?stop|cant stop (?:it|them|spasm\w*|twisting|jerking|arching)|for hours"
    r"|getting worse (?:by|every)|constantly|back to back|every few (?:seconds|minutes)|hours? (?:of|now)|no (?:break|let ?up)"
)
_NEW_MEDICINE = (
    r"metoclopramide|maxolon|reglan|stemetil|prochlorperazine|haloperidol|haldol|antipsychotic"
    r"|anti ?(?:sickness|nausea|emetic)|(?:sickness|nausea|sick) (?:tablet|pill|injection|meds?|shot)"
    r"|phenergan|promethazine|olanzapine|risperidone|aripiprazole|new (?:tablet|medicine|medication|pill|drug)"
)
_SOMEONE_NOW = (
    r"(?:im|ive|my|me|he|she|hes|shes|his|her|son|daughter|now|today"
    r"|tonight|just|yesterday|this morning|last night|hours?|an hour)\b"
)
_LOCKED = (
    r"jaw (?:has |is )?(?:locked|stuck|clench\w*)|locked jaw|eyes? (?:\w+ ){0,3}(?:rolled|rolling|stuck|up)"
    r"|neck (?:\w+ ){0,3}(?:twist\w*|stuck|bent|arch\w*|pull\w*)"
    r"|tongue (?:\w+ ){0,3}(?:out|stuck|swell\w*|twist\w*)|face (?:\w+ ){0,2}twist\w*|back arch\w*"
)
_IMPLANT = r"(?:dbs|stimulator|pump|implant|battery|wound|scar|lead|wire)s?"
_FESTERS = (
    r"(?:red|hot|swollen|leak\w*|ooz\w*|pus|weep\w*|infect\w*(?! (?:rate|risk|chance))"
    r"|smell\w*|poking|burst|opened|opening up|coming through)\b"
)

RULES: Tuple[Rule, ...] = (
    # Wish to be dead, thoughts of harming oneself, plans, goodbyes, the amounts that kill.
    _rule(
        "suicidal_thoughts",
        r"(?:want|wanted|going|like|plan\w*|ready|wish i was|wish i were|tempted|about) "
        r"(?:to )?(?:(?<!going to )(?<!like to )(?<!about to )die|be dead|not (?:be here|wake up|exist)"
        r"|dead|end (?:it|my life|things)|kill (?:myself|me)|hurt myself|harm myself|disappear for ?ever)"
        r"|kill(?:ing)? my ?self|end(?:ing)? (?:it all|my life|it tonight|it today)"
        r"|tak(?:e|ing) my (?:own )?life|(?:cut|hurt|harm|burn)(?:ting|ing)? my ?self|self harm\w*"
        r"|(?:better|well) off (?:without me|dead|if i)"
        r"|no (?:point|reason) (?:in )?(?:living|to live|being here|going on|carrying on|any ?more)"
        r"|(?:dont|cant) see (?:the|a|any) point(?: any ?more| in (?:living|life|going on))"
        r"|(?:dont|do not) want to (?:be here|live|wake up|be alive|exist|go on|carry on)"
        r"|not (?:be |want to be )?here any ?more|cant (?:go on|do this any ?more|carry on|take (?:it|this) any ?more)"
        r"|wish i (?:was|were) (?:dead|never born|not here)|hope i dont wake|nothing (?:left )?to live for"
        r"|goodbye (?:everyone|forever|to you all)|life (?:isnt|is not|aint) worth|not worth living|ready to go for good",
    ),
    # The means at hand, cutting, a body that is to give up.
    _rule(
        "suicidal_thoughts",
        r"(?:i have|ive got|got|have|holding) (?:\w+ ){0,3}(?:pills?|tablets?|knife|rope|gun|pistol|blade|razor)s? "
        r"(?:here|in my hand|in front of me|ready|next to me)"
        r"|started cutting|cutting again|want my body to (?:give up|stop|shut down|die)"
        r"|want to kill$|which of my (?:pills|tablets|meds) would do (?:it|the job)",
    ),
    _rule("suicidal_thoughts", r"how (?:much|many) (?!people|patients)(?:\w+ ){1,3}kills?\b", even_asked=True),
    _rule("suicidal_thoughts", r"suicide\b", r"(?:i|im|ive|me|my|he|she|hes|shes|feel\w*|thoughts?|thinking)\b"),
    _rule(
        "suicidal_thoughts",
        r"lethal|fatal (?:dose|amount)|(?:would|will|to) kill (?:me|you|someone|a person|yourself)"
        r"|painless(?:ly)? (?:way|death|end)",
        rf"(?:how (?:many|much)|dose|amount|way to|what|which|{_PILLS})",
        even_asked=True,
    ),
    # Someone is violent, threatens or controls.
    _rule(
        "abuse_or_violence",
        r"(?:he|she|husband|wife|partner|boyfriend|girlfriend|dad|mum|carer|son|ex)\b(?: \w+){0,3} "
        r"(?:hits?|hitting|beats?|beating|punch\w*|kick\w*|slap\w*|chok\w*|strangl\w*"
        r"|threat\w+|hurts|rap(?:ed|es)|locks?) (?:me|my)"
        r"|(?:was|been|got|being|am|im) (?:raped|beaten|abused|strangled|assaulted|hit by|sexually)"
        r"|afraid (?:of|to go home to) (?:him|her|my (?:husband|wife|partner|carer))|domestic (?:abuse|violence)",
    ),
    _rule("child_or_adult_at_risk", r"i shook (?:her|him|the (?:baby|child)|my (?:baby|son|daughter|child))\b"),
    _rule(
        "child_or_adult_at_risk",
        r"(?:child|kid|baby|son|daughter|toddler|boy|girl|gran|mother|patient|resident)\w*",
        r"(?:hit|hitting|hits|beaten|abus\w+|neglect\w*|starv\w+|shak(?:e|en|ing) (?:the|my|her|his)"
        r"|left alone|locked in|bruis\w+|touch\w+ (?:me|him|her) (?:where|down))",
        r"(?:by|him|her|she|he|them|the)\b",
    ),
    # Toxin within weeks, and trouble swallowing, breathing, speaking, or spreading weakness.
    _rule("botulinum_spread", _TOXIN, _TOXIN_TROUBLE),
    _rule(
        "baclofen_pump_withdrawal",
        r"pump",
        r"alarm\w*|beep\w*|chirp\w*|bleep\w*|empty|ran out|run out|missed (?:\w+ ){0,3}refill"
        r"|refill (?:\w+ ){0,4}(?:late|missed|overdue|forgot)|failed|failing|stopped|broken|leak\w*|itch\w*",
    ),
    _rule(
        "baclofen_overdose",
        _BACLOFEN,
        r"too many|too much|overdose|double (?:dose|the)|twice (?:the|as)"
        r"|whole (?:box|bottle|pack|strip)|extra (?:tablets|pills|dose)|swallowed (?:all|my|the|some)",
    ),
    _rule(
        "overdose",
        r"overdose"
        r"|took (?:\w+ ){0,3}(?:too many|too much|all (?:my|of|the|her|his)|(?:a |the )?whole (?:box|bottle|pack|strip))"
        r"|taken (?:\w+ ){0,3}(?:too many|too much|all (?:my|of|the))|swallow (?:\w+ ){0,3}(?:pills|tablets)"
        r"|(?:ate|swallow|got into|found) (?:\w+ ){0,4}(?:tablets|pills|medicine|meds)",
        r"(?:i|ive|he|she|my|her|his|son|daughter|child|toddler|kid)\b",
    ),
    _rule("abrupt_stop_baclofen_benzo", _PILLS, _STOPPED),
    _rule(
        "dbs_failure",
        r"dbs|stimulator|neurostimulator|battery|brain (?:implant|pacemaker)|pulse generator",
        r"(?:stopped|stop) working|switched (?:itself )?off|turned (?:itself )?off|dead|died|flat|fail\w*"
        r"|broken|ran out"
        r"|(?:symptoms?|spasms?|dystonia|twisting|tremor) (?:\w+ ){0,3}(?:come|came|are|is) back"
        r"|(?:worse|back) (?:all )?sudden\w*|sudden\w*",
    ),
    _rule("implant_infection", rf"{_IMPLANT}(?: \w+){{0,7}} {_FESTERS}|{_FESTERS}(?: \w+){{0,5}} {_IMPLANT}"),
    # Non-stop, worsening spasms, above all with fever, sweating or exhaustion.
    _rule("status_dystonicus", _SPASMS, rf"{_NONSTOP}|burning up|(?:high )?(?:fever|temperature)\b|sweat\w+"),
    _rule(
        "status_dystonicus",
        r"(?:(?:in|having)|hes|shes|im|(?:he|she|wifes|son|daughter) (?:is|has)) "
        r"(?:in |a |having )*(?:status dystonicus|dystonic storm)\b",
    ),
    _rule(
        "dark_urine_muscle_damage",
        r"(?:urine|wee|pee|peeing)\b",
        r"(?:dark|brown|cola|coke|tea colou?r\w*|rust\w*|black|red)\b",
    ),
    _rule("acute_dystonic_reaction", _NEW_MEDICINE, _LOCKED + rf"|{_SPASMS}", _SOMEONE_NOW),
    _rule(
        "fever_rigidity_nms",
        r"fever|temperature|burning up|very hot|39|40|41",
        r"(?:stiff|rigid\w*|like a board|confus\w*|delirious)",
    ),
    _rule(
        "choking",
        r"choking (?!on (?:my words|emotion)|off|back|up|voice|talk|with (?:rage|laughter|anger))"
        r"|something stuck in (?:my|his|her) throat|food (?:is )?stuck",
        r"(?:now|cant|turning|blue|help|he|she|im|i am|my|stuck|on)\b",
    ),
    _rule(
        "severe_allergy",
        r"(?:lips?|tongue|face|throat|mouth) (?:\w+ ){0,3}(?:swell\w*|swollen|closing|puff\w*|tight\w*)"
        r"|anaphyla\w*|hives|swollen (?:lips?|tongue|face|throat)",
        r"(?:breathe|throat|rash|wheez\w*|after|since|tongue|lips?|face|injection|tablet|medicine|anaphyla\w*|dizzy)",
    ),
    # Any one of face, arm, speech, or sudden loss of strength.
    _rule(
        "stroke_signs",
        r"(?:face|mouth|smile)(?: \w+){0,4} (?:droop\w*|dropp\w*|fallen|lopsided|crooked|wonky|sagg\w*|one side)"
        r"|(?:arm|leg|side)(?: \w+){0,4} (?:numb|weak|wont move|gone dead|cant move|paraly\w*)"
        r"|speech (?:\w+ ){0,3}(?:slur\w*|gone|garbled|jumbled)|slurr\w+"
        r"|cant (?:lift|move) (?:\w+ ){0,2}(?:arm|leg|side)|having a stroke|cant (?:speak|talk) properly",
        r"(?:sudden\w*|just|now|droop\w*|this morning|since|breakfast|today|all at once|woke|minutes|stroke|hours? ago)\b",
    ),
    _rule(
        "seizure_collapse",
        r"(?:having|had|has had) (?:a |another )?(?:fit|seizure|convulsion)\b(?! (?:of|woman|man))"
        r"|(?:is|hes|shes|started|keeps|still|been) fitting\b|collapsed|passed out|black(?:ed|ing) out"
        r"|unconscious|unresponsive|(?:cant|wont|couldnt) (?:be |get )?(?:woken|roused)"
        r"|cant (?:wake|rouse) (?:him|her|mum|dad|my)|(?:he|she|dad|mum|son|daughter) wont wake|fainted|foaming",
        r"(?:he|she|i|ive|my|im|shes|hes|now|just|son|daughter|husband|wife|mum|dad|and)\b",
    ),
    _rule(
        "head_neck_injury",
        r"(?:fell|fallen|hit|banged|knocked|crash\w*|accident|tumbled|cracked)\b",
        r"(?:head|neck)\b",
        r"(?:now|vomit\w*|sick|dizzy|confus\w*|drowsy|numb|knocked out"
        r"|headache|cant|blood|bleeding|sleepy|today|just|stairs|unconscious)",
    ),
    _rule(
        "sudden_vision_eye",
        r"(?:lost|losing|cant) (?:\w+ ){0,3}(?:sight|vision|see)\b|gone blind"
        r"|(?:painful|agony) (?:\w+ ){0,2}eye|eye (?:\w+ ){0,4}(?:agony|very painful|bright red|killing)|halos",
        r"(?:sudden\w*|eye|just|now|today|woke|red|painful|agony|sick)\b",
    ),
    _rule(
        "urinary_retention",
        rf"(?:{_CANT}|havent|hasnt|not|nothing) (?:\w+ ){{0,4}}"
        r"(?:pee|wee|urinate|pass (?:any )?(?:urine|water)|go to the toilet)"
        r"|bladder (?:is )?(?:bursting|full)",
    ),
    _rule(
        "heat_stroke",
        r"heat ?stroke|overheat\w*|stopped sweating|boiling hot|very hot",
        r"(?:confus\w*|collaps\w*|drowsy|faint\w*|sick|not sweating|heat ?stroke|dizzy|he|she|im|my)\b",
    ),
    _rule(
        "sudden_confusion",
        r"(?:sudden\w*|really|very|so|totally|suddenly) confused"
        r"|hallucinat(?:ing|ions?|ed)|(?:seeing|hearing) (?:things|voices|people|insects)"
        r"|doesnt know (?:where|who)|talking nonsense|not making sense|delirious",
        r"(?:he|she|i|im|my|shes|hes|mum|dad|sudden\w*|since)\b",
    ),
    _rule(
        "spinal_cord_signs",
        r"(?:hands?|legs?|feet|fingers)(?: \w+){0,3} (?:clumsy|numb|wobbly|unsteady|giving way|weak|tingl\w*)"
        r"|dropping things|lost control of (?:my )?(?:bladder|bowel\w*)"
        r"|numb between (?:my|the) legs|(?:numb|no feeling|cant feel) (?:\w+ ){0,3}waist",
        r"(?:neck|waist|bladder|bowel\w*|legs?|walk\w*|unsteady|dropping)\b",
        r"(?:worse|new|lately|weeks|days|bladder|waist|started|getting|now|since)\b",
    ),
    _rule(
        "not_eating_drinking",
        rf"(?:{_CANT}|havent|hasnt|not|nothing) (?!ever )(?:\w+ ){{0,4}}"
        r"(?:eat|eaten|drink(?! (?:on|all|alcohol|wine|beer))|drunk|keep (?:\w+ )?down"
        r"|swallow (?:\w+ )?(?:food|water|saliva|spit|liquids|pills|anything))"
        r"|coughing (?:with|on|at) every (?:meal|mouthful|sip)|los(?:t|ing) (?:a lot of |so much )?weight",
        r"(?:days?|since|every|any(?:thing)?|saliva|spit|all|swallow|nothing|hardly|meal|drink|weight|down)\b",
    ),
    _rule(
        "rapid_new_dystonia",
        r"(?:foot|leg|arm|hand|neck|face|body|walking|speech)(?: \w+){0,4} (?:twist\w*|turn\w*|curl\w*|bent|stiff\w*|jerk\w*)",
        r"(?:overnight|out of nowhere|sudden\w*|within (?:hours|days|a day)"
        r"|(?:in|over) (?:hours|days|the last (?:few )?(?:hours|days))|since (?:yesterday|this morning|last night))\b",
    ),
    # Breath itself, whatever the cause.
    _rule(
        "breathing_trouble",
        rf"(?:{_CANT}|stopped|not|gasping|fighting) (?:\w+ ){{0,3}}"
        r"(?:breathe|get (?:any )?air|get (?:my|a) breathe|catch (?:my|his|her) breathe)"
        r"|(?:lips?|face|he|she|hes|shes|gone|going|turning|turned) (?:\w+ ){0,2}(?:blue|grey)\b"
        r"|suffocat\w+|gasping|stridor (?:now|since|getting)"
        r"|(?:throat|airway|vocal cords?) (?:\w+ ){0,2}(?:clos\w+|shut\w*|tight\w*)|too breathless"
        r"|(?:whistling|high pitched|squeak\w+) (?:\w+ ){0,3}(?:when|breathe)|no air",
    ),
    _rule("breathing_trouble", r"oxygen (?:\w+ ){0,3}(?:[5-8]\d|falling|dropping|low)\b"),
    _rule("other_emergency", r"^(?:please )?help(?: me)?(?: please| now)*$"),
    # What the buttons of a reply in doubt say (dystonia/helplines.py).
    _rule(
        "other_emergency",
        r"(?:it|this) is (?:all )?happening (?:right )?now|this is an emergency|its an emergency",
        certain=True,
    ),
    _rule("suicidal_thoughts", r"(?:im|i am) not safe right now", certain=True),
    _rule(
        "other_emergency",
        r"chest (?:pain|tight\w*)|heart attack|crushing pain|bleeding (?:heavily|a lot|badly|wont stop)|wont stop bleeding"
        r"|cut (?:my|his|her) wrist|call (?:an )?ambulance|on fire|electrocuted|carbon monoxide|drowning",
    ),
)

_URGENCY: Dict[str, int] = {rule.red_flag: 1 for rule in RULES}
_URGENCY.update(dict.fromkeys(("suicidal_thoughts", "child_or_adult_at_risk", "abuse_or_violence"), 0))
_URGENCY.update(
    dict.fromkeys(
        (
            "implant_infection",
            "abrupt_stop_baclofen_benzo",
            "spinal_cord_signs",
            "not_eating_drinking",
            "rapid_new_dystonia",
        ),
        2,
    )
)


def raised(text: str) -> List[str]:
    """Ids of the red flags that the rules see in a message: crisis before emergency before same day, else as listed."""
    clauses = _clauses(text)
    live = " | ".join(_relieved(clause) for clause in clauses if not is_only_asking(clause) and not _OVER.search(clause))
    everything = " | ".join(_relieved(clause) for clause in clauses)
    found = [rule.red_flag for rule in RULES if _holds(rule, everything if rule.even_asked else live)]
    return sorted(dict.fromkeys(found), key=_URGENCY.__getitem__)


def urgency(red_flag: str) -> int:
    """How urgent a red flag is: 0 a crisis, 1 an emergency, 2 the same day."""
    return _URGENCY.get(red_flag, 1)


def is_certain(text: str) -> bool:
    """Whether a rule holds that needs no second opinion: words that nobody types by chance."""
    words = " | ".join(_clauses(text))
    return any(rule.certain and _holds(rule, words) for rule in RULES)


def is_only_asking(text: str) -> bool:
    """Whether words plainly ask in general, deny, or tell of what is over: the only thing that vetoes the classifier."""
    clauses = _clauses(text)
    return bool(clauses) and all(_asks(clause) or _OVER.search(clause) or _denies(clause) for clause in clauses)


def _clauses(text: str) -> List[str]:
    plain = text.lower()
    for pattern, right in _SPELLINGS:
        plain = pattern.sub(right, plain)
    return [clause.strip(" ,") for clause in _CLAUSES.split(plain) if clause and clause.strip(" ,")]


def _asks(clause: str) -> bool:
    if not _QUESTION.match(clause):
        return False
    return not _HAPPENING.search(clause) or bool(_HYPOTHETICAL.search(clause)) and not _ANCHORED.search(clause)


def _denies(clause: str) -> bool:
    return bool(_DENIED.search(clause) or _FIGURE.search(clause))


def _relieved(clause: str) -> str:
    """A clause without its denials and figures of speech: what else it says still counts."""
    return _FIGURE.sub("-", _DENIED.sub("-", clause))


def _holds(rule: Rule, words: str) -> bool:
    return all(concept.search(words) for concept in rule.concepts)
