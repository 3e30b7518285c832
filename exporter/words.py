"""What synthetic titles and descriptions are made of. No list shares a word with another, so titles stay distinct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Vocabulary:
    """Words of one genre: 16 nouns for titles, companions in the order of likelihood, and parts of sentences."""

    weight: int
    """How often it is the main genre, in parts of all."""
    companions: tuple[str, ...]
    nouns: tuple[str, ...]
    heroes: tuple[str, ...]
    aims: tuple[str, ...]


def _list(text: str, separator: str = "|") -> tuple[str, ...]:
    return tuple(text.split(separator))


def _v(weight: int, companions: str, nouns: str, heroes: str, aims: str) -> Vocabulary:
    return Vocabulary(weight, _list(companions), _list(nouns), _list(heroes), _list(aims))


VOCABULARY: Final[dict[str, Vocabulary]] = {
    "Action": _v(
        9,
        "Thriller|Adventure|Crime|Science Fiction|War|Comedy",
        "Vendetta|Strike|Getaway|Ambush|Pursuit|Detonator|Hostage|Fugitive|Convoy|Sniper|Extraction|Blitz|Renegade"
        "|Crossfire|Showdown|Bodyguard",
        "a disgraced commando|a getaway driver|a bodyguard on her last job",
        "stop a bomb that nobody else can find|cross a city at war with itself|free the hostages before dawn",
    ),
    "Adventure": _v(
        7,
        "Action|Fantasy|Family|Animation|Science Fiction|Romance",
        "Expedition|Voyage|Compass|Treasure|Summit|Jungle|Caravan|Lagoon|Relic|Horizon|Castaway|Odyssey|Pathfinder"
        "|Canyon|Monsoon|Cartographer",
        "a stubborn cartographer|a shipwrecked sailor|two rival explorers",
        "follow a map with no names on it|cross the mountains before the snow|bring home what the sea has taken",
    ),
    "Animation": _v(
        5,
        "Children|Family|Comedy|Adventure|Fantasy|Science Fiction",
        "Robot|Dragonfly|Lantern|Puppet|Balloon|Comet|Hedgehog|Teapot|Marble|Penguin|Origami|Firefly|Scarecrow|Whisker"
        "|Paintbox|Tadpole",
        "a robot who collects smells|a paper crane|the smallest comet in the sky",
        "learn why the lights went out|fly home against the wind|keep a promise made to a cloud",
    ),
    "Children": _v(
        4,
        "Animation|Family|Comedy|Fantasy|Adventure",
        "Treehouse|Puppy|Kite|Sandcastle|Bicycle|Pocket|Birthday|Schoolbus|Pirate Ship|Snowman|Kitten|Attic|Playground"
        "|Lemonade|Rocket|Hiccup",
        "a girl with too many questions|the new boy on the bus|three cousins and a goat",
        "save the treehouse|find the cat before supper|win a race nobody believes in",
    ),
    "Comedy": _v(
        13,
        "Romance|Drama|Crime|Family|Music|Action",
        "Wedding|Roommate|Mixup|Neighbour|Casserole|Intern|Divorce|Karaoke|Holiday|Landlord|Moustache|Bachelor"
        "|Buffet|Misfit|Reunion|Parrot",
        "an unlucky caterer|two flatmates|a wedding singer with stage fright",
        "survive one dinner with both families|hide a very large dog|win back a job worth hating",
    ),
    "Crime": _v(
        7,
        "Thriller|Drama|Mystery|Action|Comedy",
        "Heist|Verdict|Alibi|Syndicate|Precinct|Informant|Forgery|Cartel|Confession|Detective|Racket|Smuggler|Ledger"
        "|Witness|Getaway Car|Kingpin",
        "a safecracker out on parole|a tired inspector|an honest accountant",
        "rob the one man who never forgets|prove that the confession is false|leave the firm alive",
    ),
    "Documentary": _v(
        4,
        "History|Music|War|Drama",
        "Glacier|Harvest|Archive|Orchard|Factory|Coral|Stadium|Kitchen|Border|Election|Shipyard|Migration|Beehive"
        "|Darkroom|Observatory|Quarry",
        "a small crew|a photographer|the last lighthouse keeper",
        "show a year in a place that is vanishing|ask who pays for what we eat|open archives closed for decades",
    ),
    "Drama": _v(
        14,
        "Romance|Crime|History|Family|War|Music|Mystery",
        "Inheritance|Silence|Daughter|Promise|Winter|Stranger|Letter|Farewell|Brother|Threshold|Estuary|Photograph|Mercy"
        "|Homecoming|Apology|Vineyard",
        "an estranged daughter|a retired judge|a nurse on night shifts",
        "forgive what cannot be forgotten|keep the farm one more year|tell the truth at last",
    ),
    "Family": _v(
        4,
        "Comedy|Adventure|Children|Animation|Drama|Fantasy",
        "Grandfather|Campfire|Lighthouse|Pony|Christmas|Cottage|Road Trip|Sister|Garden|Bakery|Stepmother|Snowstorm"
        "|Puzzle|Ferry|Twins|Picnic",
        "a blended family|a grandfather with a secret|twins who never agree",
        "spend one summer without a telephone|rescue the bakery|bring everyone to one table",
    ),
    "Fantasy": _v(
        5,
        "Adventure|Action|Romance|Animation|Family|Horror",
        "Dragon|Throne|Sorcerer|Amulet|Kingdom|Griffin|Prophecy|Enchantress|Grimoire|Wyvern|Realm|Spell|Citadel|Oracle"
        "|Changeling|Unicorn",
        "a failed apprentice|the queen's forger|a knight without a name",
        "return a stolen crown|wake a god who would rather sleep|break a bargain made by an ancestor",
    ),
    "History": _v(
        3,
        "Drama|War|Romance|Documentary|Adventure",
        "Empire|Treaty|Coronation|Revolution|Dynasty|Chronicle|Armada|Cathedral|Regent|Plague|Senator|Monastery"
        "|Chancellor|Rebellion|Scribe|Duchess",
        "a court physician|a printer of forbidden books|the regent's younger sister",
        "hold a city through the siege|carry a treaty past two armies|outlive four kings",
    ),
    "Horror": _v(
        6,
        "Thriller|Mystery|Science Fiction|Drama|Comedy",
        "Haunting|Crypt|Ritual|Séance|Cellar|Whisper|Graveyard|Possession|Mannequin|Slaughterhouse|Revenant|Nightmare"
        "|Bloodline|Asylum|Sacrament|Scream",
        "a sceptical priest|a family in a bargain of a house|the night porter",
        "last until the sun comes up|bury something that will not stay down|learn what the cellar was built for",
    ),
    "Music": _v(
        2,
        "Drama|Romance|Comedy|Documentary|Family",
        "Melody|Encore|Serenade|Jukebox|Ballad|Orchestra|Chorus|Vinyl|Trumpet|Conservatory|Lullaby|Backbeat|Songbook"
        "|Duet|Metronome|Saxophone",
        "a pianist who has stopped playing|a band from a mining town|a choir of strangers",
        "make one record before the money ends|find the man who wrote the song|play a hall that turned them away",
    ),
    "Mystery": _v(
        4,
        "Crime|Thriller|Drama|Horror",
        "Riddle|Cipher|Disappearance|Labyrinth|Clue|Locked Room|Suspect|Keyhole|Secret|Footprint|Masquerade|Vanishing"
        "|Manuscript|Clockmaker|Enigma|Portrait",
        "a village librarian|a blind chess champion|an heiress who trusts nobody",
        "find who moved the body|read a diary written in two hands|solve the oldest case in town",
    ),
    "Romance": _v(
        7,
        "Comedy|Drama|Music|Fantasy|History",
        "Kiss|Valentine|Sweetheart|Proposal|Waltz|Summer|Florist|Affair|Bouquet|Rendezvous|Heartbeat|Elopement|Bride"
        "|Postcard|Crush|Moonlight",
        "a florist who hates weddings|two rivals at one newspaper|a widower and his dance teacher",
        "fall in love on the wrong side of a divorce|answer a letter thirty years late|pretend until it is true",
    ),
    "Science Fiction": _v(
        6,
        "Action|Thriller|Adventure|Drama|Horror|Mystery",
        "Android|Orbit|Singularity|Colony|Nebula|Wormhole|Quantum|Starship|Signal|Replicant|Eclipse|Terraformer|Hologram"
        "|Airlock|Satellite|Cryosleep",
        "the only engineer awake|a clone with a conscience|a linguist on a listening post",
        "answer a message from the future|land a ship that was never meant to|keep the colony's last secret",
    ),
    "Thriller": _v(
        9,
        "Crime|Action|Mystery|Horror|Drama|Science Fiction",
        "Conspiracy|Deadline|Blackout|Double Agent|Ransom|Paranoia|Obsession|Stalker|Surveillance|Betrayal|Passenger"
        "|Countdown|Defector|Impostor|Blackmail|Safehouse",
        "an auditor who has seen too much|a translator at the summit|a mother with a new name",
        "learn who is listening|stay ahead of a man who knows every habit|deliver a file that nobody wants read",
    ),
    "War": _v(
        3,
        "Drama|History|Action|Thriller|Romance",
        "Battalion|Trench|Armistice|Regiment|Battlefield|Occupation|Medic|Bunker|Ceasefire|Squadron|Deserter|Submarine"
        "|Airfield|Conscript|Minefield|Partisan",
        "a field medic|a squad cut off from its lines|two brothers in different uniforms",
        "hold a bridge for one more night|bring the wounded through the pass|refuse an order",
    ),
    "Western": _v(
        2,
        "Action|Drama|Adventure|Comedy|Romance",
        "Outlaw|Gunslinger|Stagecoach|Sheriff|Saloon|Rustler|Prairie|Homestead|Marshal|Posse|Tumbleweed|Mustang"
        "|Prospector|Railroad|Rodeo|Bounty",
        "a marshal with failing eyes|a widow with a rifle|a gambler who owes the railroad",
        "bring the herd across the river|keep a town that wants to be a grave|pay an old debt at noon",
    ),
}

ADJECTIVES: Final = _list(
    "Crimson Silent Broken Golden Hidden Burning Frozen Forgotten Savage Gentle Hollow Electric Midnight Paper Velvet"
    " Restless Wicked Distant Scarlet Iron Invisible Crooked Tender Sunken Stolen Borrowed Wild Bitter Glass Endless"
    " Perfect Unlikely Secondhand Reluctant Shining Quiet Fearless Fallen Emerald Northern Accidental Impossible"
    " Winding Painted Radiant Unwritten Copper Midwinter",
    " ",
)
PLACES: Final = _list(
    "Harrow Bay|Marrakesh|Saint Clair|Ravenna|Port Ellis|Kingsbridge|Valparaiso|Ashford|Lisbon|Red Hollow|Trieste"
    "|Amber Falls|Kyoto|Willow Creek|Zanzibar|Blackwater|Odessa|Cedar Point|Havana|Thornfield|Naples|Elk Ridge"
    "|Istanbul|Fairhaven|Dublin|Salt Lake Road|Samarkand|Briar Hill|Macau|Old Mill Lane|Bergen|Juniper Street"
    "|Tangier|Westmarch|Seville|Starling Square|Riga|Copperfield|Buenos Aires|Mercy Island|Vienna|Pinewood|Cairo"
    "|Lowell Harbour|Jaipur|Sparrow Heath|Prague|Foxglove Lane"
)
NAMES: Final = _list(
    "Adela Marlowe Ines Tobias Odette Casimir Juno Ezra Beatrix Santiago Imogen Lazlo Priya Ambrose Noor Wendell Freya"
    " Mateo Clementine Dmitri Saoirse Hugo Leilani Percival Anouk Rafael Winifred Idris Magda Otis Yuki Barnaby Zora"
    " Emil Philippa Kofi Rosalind Amir Greta Julian Thandi Silas Paloma Viktor Esme Lorcan Farah Quentin",
    " ",
)
TITLES: Final = (
    ("The {} {}", ADJECTIVES),
    ("{} {}", ADJECTIVES),
    ("Beyond the {} {}", ADJECTIVES),
    ("One {} {}", ADJECTIVES),
    ("My {} {}", ADJECTIVES),
    ("The {1} of {0}", PLACES),
    ("The Last {1} in {0}", PLACES),
    ("{1}, {0}", PLACES),
    ("{}'s {}", NAMES),
    ("{} and the {}", NAMES),
    ("No {1} for {0}", NAMES),
    ("{}: The {}", NAMES),
)
"""Shapes of titles, with what their first slot takes; the second takes a noun."""

TROUBLES: Final = (
    "When the money runs out",
    "After a funeral nobody attends",
    "On the eve of an election",
    "In the heat of one August",
    "Ten years after the fire",
    "Far from anyone who knows the truth",
    "With three days left",
    "Against all advice",
    "As the town prepares its festival",
    "When an old friend returns",
    "After the longest winter on record",
    "Between two storms",
)
PRAISE: Final = (
    "A slow burn with a startling last act.", "Warm, quick and a little sad.", "Nothing is what it seems.",
    "Based loosely on a true story.", "As funny as it is cruel.", "Shot on location, and it shows.",
    "The cast has never been better.", "Not for the faint of heart.", "A story about what we owe each other.",
    "Beautiful, strange and hard to forget.", "It asks more than it answers.", "Every episode of life has its price.",
)  # fmt: skip
