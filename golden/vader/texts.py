"""Generated texts that reach every rule of VADER: seeded, and made of nobody else's sentences."""

import random
import string

from vaderSentiment import vaderSentiment

SUBJECTS = "shares profits the company its board investors analysts the market revenue they she".split()
FILLERS = "and with of a in after from before on while report quarter Monday guidance 3% $12bn Q3".split()
# Words of the rules about particular words, the lexicon's and others.
PARTICULAR = "no nor or never so this without doubt least at very but kind of sort just enough".split()
PHRASES = [
    *vaderSentiment.SPECIAL_CASES,
    *vaderSentiment.SENTIMENT_LADEN_IDIOMS,
    "kind of", "sort of", "just enough", "never so", "never this", "without a doubt", "without doubt",
    "at least", "very least", "the least", "no good or bad", "no", "so this", "but",
]
SPACES = list("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2009\u2028\u2029\u202f\u205f\u3000")
# Near misses: not white space to Python, or letters whose case is unusual.
ODD = list("\u200b\ufeff\0\u212aİıßẞǅŁÉéΣσςªⅧⓐⒶ漢字한ñ–—’“”…\u0301\u200d\ufe0f🇬👍🏽\U0001d400")
EMOTICONS = ":) :( :-) ;-) :D :P XD xD <3 </3 :/ :-/ D: O.o o_O ^_^ (: :'( >:( =) :-p ** !? $: %)".split()
ENDS = ["", "", "", ".", "!", "!!", "!!!!!!", "?", "??", "???", "????", "?!?!", "...", "\"", ")", "'s", ","]
STARTS = ["", "", "", "", "\"", "(", "#", "@", "'", "--", "$"]


class Texts:
    def __init__(self, analyzer, seed):
        self.random = random.Random(seed)
        # Sorted, so that the same seed gives the same texts.
        self.lexicon = sorted(analyzer.lexicon)
        self.boosters = sorted(vaderSentiment.BOOSTER_DICT)
        self.negations = sorted(vaderSentiment.NEGATE)
        self.emoji = sorted(analyzer.emojis)

    def text(self):
        """A text of one of the shapes, in proportions that favour words over noise."""
        shapes = [self.sentence, self.neighbours, self.with_but, self.noise, self.long]
        return self.random.choices(shapes, weights=[50, 30, 12, 7.9, 0.1])[0]()

    def sentence(self):
        words = [self.choice(SUBJECTS)]
        words += [self.word() for _ in range(self.random.randrange(14))]
        return self.join(words)

    def neighbours(self):
        """A word of the lexicon among the words that change it."""
        def change():
            return self.choice([self.choice(self.boosters), self.choice(self.negations),
                                self.choice(PARTICULAR), self.choice(PHRASES), self.choice(FILLERS)])
        before = [change() for _ in range(self.random.randrange(5))]
        after = [change() for _ in range(self.random.randrange(3))]
        words = " ".join([*before, self.choice(self.lexicon), *after]).split(" ")
        return self.join([self.dressed(word) for word in words])

    def with_but(self):
        """A `but` among a few words that recur, so that equal valences meet."""
        few = [self.choice(self.lexicon) for _ in range(3)]
        halves = [[self.choice(few) if self.random.random() < 0.6 else self.word()
                   for _ in range(self.random.randrange(9))] for _ in range(2)]
        return self.join([*halves[0], self.cased("but"), *halves[1]])

    def noise(self):
        """Characters of all planes, with and without words between them."""
        parts = []
        for _ in range(self.random.randrange(12)):
            kind = self.random.randrange(6)
            if kind == 0:
                parts.append(self.word())
            elif kind == 1:
                parts.append(self.choice(SPACES + ODD))
            elif kind == 2:
                parts.append(self.choice(self.emoji))
            elif kind == 3:
                parts.append(self.choice(string.punctuation) * self.random.randrange(1, 5))
            elif kind == 4:
                parts.append(self.character())
            else:
                parts.append(" ")
        return "".join(parts)

    def long(self):
        return " ".join(self.sentence() for _ in range(self.random.randrange(50, 200)))

    def word(self):
        kinds = [self.lexicon, self.boosters, self.negations, PARTICULAR, PHRASES, FILLERS, SUBJECTS,
                 EMOTICONS, self.emoji]
        kind = self.random.choices(kinds, weights=[30, 8, 8, 12, 6, 20, 8, 3, 3])[0]
        return self.dressed(self.choice(kind))

    def dressed(self, word):
        """The word in some case, with punctuation or an odd character at its ends now and then."""
        word = self.cased(word)
        if self.random.random() < 0.2:
            word = self.choice(STARTS) + word + self.choice(ENDS)
        if self.random.random() < 0.02:
            at = self.random.randrange(len(word) + 1)
            word = word[:at] + self.choice(ODD + self.emoji) + word[at:]
        if self.random.random() < 0.02:
            word = word.replace("k", "\u212a")
        return word

    def cased(self, word):
        roll = self.random.random()
        if roll < 0.72:
            return word
        if roll < 0.84:
            return word.upper()
        if roll < 0.94:
            return word.capitalize()
        return "".join(self.random.choice([c.upper(), c.lower()]) for c in word)

    def join(self, words):
        """The words with single spaces between them, now and then with something else."""
        out = []
        for word in words:
            out += [word, self.choice(SPACES) if self.random.random() < 0.02 else " "]
        return "".join(out[:-1]) + self.choice(ENDS)

    def character(self):
        """Any assigned or unassigned character but a surrogate, the first planes more often."""
        while True:
            code = self.random.randrange(self.random.choice([0x80, 0x250, 0x2000, 0x10000, 0x20000, 0x110000]))
            if not 0xD800 <= code < 0xE000:
                return chr(code)

    def choice(self, options):
        return self.random.choice(options)
