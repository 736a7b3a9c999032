# What each request means. A pure function of request and store to the bytes of an answer.
package Snip::Router;
use strict;
use warnings;
use Snip::Code;

my %reason = (
    200 => 'OK', 201 => 'Created', 302 => 'Found', 400 => 'Bad Request', 404 => 'Not Found', 405 => 'Method Not Allowed',
);

sub answer {
    my ($request, $store) = @_;
    my ($method, $path) = @{$request}{qw(method path)};
    return _health($store) if $path eq '/health' && $method eq 'GET';
    return _add($request->{body}, $store) if $path eq '/links' && $method eq 'POST';
    return _text(405, 'try POST') if $path eq '/links';
    return _text(405, 'try GET') unless $method eq 'GET';
    return _follow(substr($path, 1), $store);
}

sub bad_request {
    return _text(400, 'not a request');
}

sub _health {
    my ($store) = @_;
    my $version = $ENV{SNIP_VERSION} // 'of unknown version';
    return _text(200, "snip $version is well, with " . $store->count . ' links');
}

sub _add {
    my ($target, $store) = @_;
    return _text(400, 'a link is http:// or https:// and what follows, without blanks')
        unless $target =~ m{^https?://[^\s/]\S*$};
    return _text(201, '/' . Snip::Code::from_number($store->add($target)));
}

sub _follow {
    my ($code, $store) = @_;
    my $number = Snip::Code::to_number($code);
    my $target = defined $number ? $store->target($number) : undef;
    return _text(404, "no link '$code'") unless defined $target;
    return _response(302, { Location => $target }, "to $target");
}

sub _text {
    my ($status, $body) = @_;
    return _response($status, {}, $body);
}

sub _response {
    my ($status, $headers, $body) = @_;
    my %all = (%$headers, 'Content-Type' => 'text/plain', 'Content-Length' => length "$body\n", Connection => 'close');
    return join "\r\n", "HTTP/1.1 $status $reason{$status}", (map { "$_: $all{$_}" } sort keys %all), '', "$body\n";
}

1;
