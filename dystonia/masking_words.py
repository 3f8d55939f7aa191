"""Words that tell a name from what else people say they are: "I'm Susan", but "I'm Tired"."""
from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra alfie ali alice alison amanda
    amber amelia amir amy ana andrea andrew angela anil anita ann anna anne annie anthony antonio anya archie arthur
    ashley ayesha barbara barry beatrice ben benjamin bernard beth betty beverley brenda brian bridget bruce callum
    cameron carl carlos carol caroline catherine cathy charles charlie charlotte chloe chris christina christine
    christopher claire clare colin connor craig cynthia daniel daniela danny darren dave david dawn debbie deborah debra
    denise dennis derek diana diane donald donna doris dorothy douglas duncan dylan edith edward eileen elaine eleanor
    elena elizabeth ella ellen ellie emily emma eric erin ethan evelyn fatima felix fiona florence frances francesca gary
    gavin geoff geoffrey george georgia gerald gillian giovanni gloria gordon graham greg gregory hamza hannah harriet
    harry hassan hazel heather helen henry hilary howard hugh hussein ian ibrahim imran ines ingrid isaac isabel isabella
    isla jack jackie jacob jacqueline jake james jamie jan jane janet janice jasmine jason jayden jean jeff jeffrey
    jennifer jenny jeremy jessica jill jim joan joanna joanne joe joel johanna john johnny jonathan jordan jorge joseph
    josh joshua joyce juan judith judy julia julian julie karen karl kate katherine kathleen kathy katie keith kelly ken
    kenneth kevin kim kirsten kyle larry laura lauren leah leanne lee leonard leslie lewis liam lilian linda lisa logan
    louis louise lucas lucy luis luke lynn maggie malcolm marcus margaret maria marie marilyn mario marion martha martin
    mary matt matthew maureen maya megan melanie melissa mia michael michelle miguel mike mohamed mohammad mohammed moira
    molly monica muhammad mustafa nadia naomi natalie natasha nathan neil nicholas nicola nicole nigel noah noor norma
    norman oliver olivia omar oscar owen pamela patricia patrick paul paula pauline pedro peggy penny peter phil philip
    phoebe phyllis pierre priya rachel rahul raj ralph raymond rebecca rhys richard rita robert roberta robin roger ronald
    rosemary rosie ross roy russell ruth ryan sally sam samantha samuel sandra sanjay sara sarah scott sean sebastian
    sergio shannon sharon sheila shirley simon sofia sophia sophie stacey stanley stella stephanie stephen steve steven
    stuart sue susan suzanne sylvia tanya ted teresa terry theresa thomas tim timothy tina toby todd tom tony tracey tracy
    trevor valerie vanessa vera veronica victor victoria vincent vivian walter wayne wendy william yasmin yusuf yvonne
    zahra zoe zofia
    """.split()
)
"""Frequent given names, none of them an everyday word: after "I'm" they are taken for names in small letters too."""

LOOK_LIKE_PARTICIPLES = frozenset(
    """
    ahmed alfred ed fred hamed ingrid jared javed khaled majed manfred mohamed mohammed muhammed naveed ned reed saeed
    sayed sterling syed ted waheed wilfred winifred
    """.split()
)
"""Names that end as "tired" or "losing" do."""

NOT_NAMES = frozenset(
    """
    a able about abroad absolutely across actually adult afraid african after again aged agnostic alexa alive all allergic
    alone already also always am american an and angry anonymous another anxious any anything appalled april arab are as
    asian asking asthmatic at atheist august australian austrian autistic available awake aware away awful baby back bad
    balanced bald bangladeshi barely basically because bedridden been before being belgian better between bi big bilingual
    bipolar bisexual black blessed blind both boy brazilian breathless british brown buddhist but by called can canadian
    cant caregiver carer caribbean caring catholic caucasian certain chatgpt chinese christian christmas clear clearly
    close clumsy cold coming completely concerned confident confidential confused constantly continuing coping could covid
    crazy critical cuban curious currently cypriot czech danish daughter dead deaf december definitely depressed desperate
    devastated diabetic did different difficult dizzy do doctor does doing done dont down dr drowsy due during dutch
    dyslexic dyspraxic each eager easter easy egyptian either elderly embarrassed emotional employed english enough
    epileptic especially european even ever every everything exactly exhausted extremely facebook february fed feeling
    female filipino finally fine finnish first five for forever four free french friday friend frightened from frustrated
    full furious gay genuinely german getting girl giving glad gluten going good google grandfather grandmother grateful
    great greek guilty gutted had half happy hard has have having he healthy hear heartbroken hello her here hers hey hi
    hindu his hispanic home honest honestly hopeful hopeless hoping hot housebound how huge hungarian hungry hurt husband
    hypermobile hypotonic i if ill immunocompromised important in incapable incontinent indian indonesian insomniac
    interested into iranian iraqi irish irrelevant is isnt israeli it italian its jamaican january japanese jewish jobless
    july june just keen kenyan kind korean late latin latino lazy lebanese left legally lesbian life like likely limited
    literally little living lonely long looking lost lucky mad madam making malaysian male march married mashed may maybe
    me medicaid medicare mexican mid middle miserable miss missing monday moroccan mortified most mostly mother mr mrs ms
    much multiple mum muslim mute my myself nauseous near nearly needing nepalese nervous never new newbie newly nhs
    nigerian no nobody non none normal norwegian not nothing november now numb nurse october of off ok okay old older on
    one only open or orthodox other our ours out outside over overweight own pakistani palestinian panicky parent part
    particularly partly patient perfectly permanently persian person peruvian pessimistic please pleased polish poor
    portuguese positive possibly post pre pregnant pretty primarily private probably prof professor protestant proud
    puerto quadriplegic quite rather reaching ready really recently regarding relatively relieved religious reluctant
    responsible restless retired right romanian rubbish russian sad safe same satisfied saturday saying scared scottish
    secret sedentary seeing seen september seriously seven she shocked short sick sikh since single sir siri six skeptical
    sleepless sleepy slow slowly small so somali some somebody someone something sore sorry south spanish spastic
    speechless spelled spelt starting stiff still strange strong struggling stuck student stupid such suddenly
    sufficiently suicidal sunday sure surprised swedish swiss syrian taiwanese taking talking taller ten terrible terribly
    terrified thai than thankful that the their theirs then there these they thinking third this those though three
    thrilled through thursday tired to today together told too torn totally trans transgender trapped traumatised
    traumatized trying tuesday turkish twice twisted two type ukrainian ultimately unable unaware uncertain uncomfortable
    under undergoing understandably unemployed unfit unfortunately unhappy unknown unlikely unsafe unsteady unsure until
    unwell up upset urgent us useless using usually vegan vegetarian very vietnamese virtually waiting wary wasted we weak
    wearing wednesday well welsh what wheelchair when where which while white who whom whose why widowed wife willing
    wishing with without woman wondering wont working world worried worse worst worth would writing wrong yes yet you
    young your zimbabwean
    """.split()
) - {"april", "june", "may", "august"}
"""What people say of themselves that is no name, and what goes on after one. Add what is masked by mistake."""

RELATIVES = (
    """
    aunt baby boy boyfriend brother child cousin dad daughter father fiance fiancee fiancé fiancée friend girl girlfriend
    gran granddaughter grandfather grandma grandmother grandpa grandson husband kid mam mom mother mum nephew niece
    partner sister son stepdaughter stepson twin uncle wife
    """
).split()
