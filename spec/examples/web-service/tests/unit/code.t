use strict;
use warnings;
use Check;
use Snip::Code;

is(Snip::Code::from_number(0), '0', 'the first link has the shortest code');
is(Snip::Code::from_number(61), 'z', 'one digit holds 62 links');
is(Snip::Code::from_number(62), '10', 'then a second one is used');
is(Snip::Code::to_number(Snip::Code::from_number($_)), $_, "$_ comes back") for 1, 9, 3843, 3844, 99_999_999;
is(Snip::Code::to_number('01'), undef, 'a leading zero is no code, or two codes would name one link');
is(Snip::Code::to_number(''), undef, 'nothing is no code');
is(Snip::Code::to_number('a-b'), undef, 'foreign characters are no code');
is(Snip::Code::to_number('z' x 11), undef, 'eleven digits are more than any link has');
done();
