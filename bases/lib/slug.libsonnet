// slug makes the name of a file a part of an object's name. A name that had to be changed gets a hash, so that no two
// become one.

// What each character becomes; all others become a dash. A table, because this runs for every file of every tenant, and
// looking up is what Jsonnet does fast.
local letters = std.stringChars('abcdefghijklmnopqrstuvwxyz');
local legal =
  { [c]: c for c in letters + std.stringChars('0123456789-') }
  + { [std.asciiUpper(c)]: c for c in letters };

function(text, empty='file')
  local plain = std.join('', [if c in legal then legal[c] else '-' for c in std.stringChars(text)]);
  local kept = std.stripChars(std.substr(plain, 0, 60), '-');
  if kept == text then text
  else (if kept == '' then empty else kept) + '-' + std.substr(std.sha256(text), 0, 6)
