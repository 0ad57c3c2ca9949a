"""Reads every PNG card of a folder with one library and prints what that took, as JSON:

    python cards.py aichar|tavern-card FOLDER COUNT
"""

import json
import os
import sys
import time

library, folder, count = sys.argv[1:4]
files = sorted(name for name in os.listdir(folder) if name.endswith(".png"))[: int(count)]

if library == "aichar":
    import aichar

    def read(path):
        return aichar.load_character_card_file(path).name

else:
    import tavern_card

    def read(path):
        with open(path, "rb") as file:
            card = tavern_card.png.parse_png_card(file.read())
        return card.get("data", card)["name"]


failed = 0
begin = time.perf_counter()
for name in files:
    try:
        failed += read(os.path.join(folder, name)) != name[:-4]
    # A panic of Rust arrives as an exception that is no Exception.
    except BaseException:
        failed += 1
print(json.dumps({"cards": len(files), "failed": failed, "seconds": time.perf_counter() - begin}))
