# cmake -DOUT=FILE.c -DNAME=NAME -DFILES=a;b -P embed.cmake: the files, one behind the other, as the C array NAME, and the
# base64 of their SHA-256 as NAME_sha256, as a content security policy wants it.
set(text "")
foreach(file IN LISTS FILES)
  file(READ ${file} part HEX)
  string(APPEND text "${part}")
endforeach()
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${text}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes
       "${bytes}")

# the hash of what the page will hold: the same bytes, which have to be a file for that
set(joined ${OUT}.joined)
file(WRITE ${joined} "")
foreach(file IN LISTS FILES)
  file(READ ${file} part)
  file(APPEND ${joined} "${part}")
endforeach()
file(SHA256 ${joined} hex)
file(REMOVE ${joined})
set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
set(base64 "")
foreach(at RANGE 0 60 3) # 21 times 12 bits, two letters each
  string(SUBSTRING ${hex} ${at} 3 digits)
  math(EXPR high "0x${digits} >> 6")
  math(EXPR low "0x${digits} & 63")
  string(SUBSTRING ${alphabet} ${high} 1 letter)
  string(APPEND base64 ${letter})
  string(SUBSTRING ${alphabet} ${low} 1 letter)
  string(APPEND base64 ${letter})
endforeach()
string(SUBSTRING ${hex} 63 1 digits) # and 4 bits
math(EXPR high "0x${digits} << 2")
string(SUBSTRING ${alphabet} ${high} 1 letter)
string(APPEND base64 "${letter}=")

file(WRITE ${OUT} "#include \"report/html_assets.h\"\n\n"
     "const char ${NAME}[] = {\n${bytes}0};\nconst char ${NAME}_sha256[] = \"${base64}\";\n")
