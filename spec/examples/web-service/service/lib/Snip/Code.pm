# Numbers as short codes and back: base 62, most significant digit first.
package Snip::Code;
use strict;
use warnings;

my @digits = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');
my %value_of = map { $digits[$_] => $_ } 0 .. $#digits;

sub from_number {
    my ($number) = @_;
    my $code = '';
    do {
        $code = $digits[$number % 62] . $code;
        $number = int($number / 62);
    } while ($number > 0);
    return $code;
}

# Undefined for text that no number has: foreign characters, a leading zero, more than ten digits.
sub to_number {
    my ($code) = @_;
    return undef unless $code =~ /^(?:0|[1-9A-Za-z][0-9A-Za-z]{0,9})$/;
    my $number = 0;
    $number = $number * 62 + $value_of{$_} for split //, $code;
    return $number;
}

1;
