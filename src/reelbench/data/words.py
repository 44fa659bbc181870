"""Words that made-up movies are made of."""

from __future__ import annotations

ADJECTIVES = (
    *("Silent", "Broken", "Golden", "Hidden", "Last", "Lonely", "Burning", "Frozen"),
    *("Secret", "Crooked", "Distant", "Electric", "Endless", "Fallen", "Forgotten", "Gentle"),
    *("Hollow", "Iron", "Little", "Lost", "Midnight", "Northern", "Painted", "Perfect"),
    *("Quiet", "Restless", "Scarlet", "Shattered", "Sleeping", "Stolen", "Strange", "Sudden"),
    *("Tender", "Velvet", "Wandering", "Wicked", "Wild", "Winter", "Wooden", "Young"),
)
NOUNS = (
    *("River", "Garden", "Machine", "Harbor", "Island", "Letter", "Mirror", "Orchard"),
    *("Palace", "Promise", "Road", "Season", "Shadow", "Song", "Station", "Storm"),
    *("Stranger", "Summer", "Tower", "Valley", "Voyage", "Witness", "Window", "Bridge"),
    *("Castle", "Circus", "Daughter", "Detective", "Empire", "Engine", "Feast", "Forest"),
    *("Game", "Heart", "Hotel", "Hunter", "King", "Lantern", "Market", "Night"),
)
#: genres as MovieLens has them, with words that people use for tags of such movies
GENRE_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Action", ("explosive", "car chase", "martial arts", "fast-paced")),
    ("Adventure", ("treasure", "journey", "epic", "jungle")),
    ("Animation", ("hand-drawn", "pixar-like", "colourful", "anime")),
    ("Children", ("family", "talking animals", "cute", "school")),
    ("Comedy", ("funny", "satire", "slapstick", "quirky")),
    ("Crime", ("heist", "gangster", "noir-ish", "prison")),
    ("Documentary", ("true story", "interviews", "archive", "politics")),
    ("Drama", ("slow", "moving", "family secrets", "bleak")),
    ("Fantasy", ("magic", "dragons", "fairy tale", "sword")),
    ("Film-Noir", ("femme fatale", "black and white", "private eye", "cynical")),
    ("Horror", ("scary", "gore", "haunted house", "zombies")),
    ("Musical", ("songs", "dance", "broadway", "show tunes")),
    ("Mystery", ("twist ending", "whodunit", "puzzle", "detective")),
    ("Romance", ("love story", "wedding", "tear-jerker", "bittersweet")),
    ("Sci-Fi", ("space", "time travel", "robots", "dystopia")),
    ("Thriller", ("suspense", "conspiracy", "tense", "serial killer")),
    ("War", ("soldiers", "world war ii", "trenches", "submarine")),
    ("Western", ("cowboys", "desert", "duel", "railway")),
)
