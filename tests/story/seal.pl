#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes a bundle as docs/bundle-format.md describes it, without any code of hotfix: stories seal with it what
# `hotfix pack` would never write, and what they verify proves the description right.
#
#   seal.pl MANIFEST PAYLOAD [KEY]... >BUNDLE
#
# MANIFEST is manifest.ini with each value plainly on one line; here it is broken and escaped as a bundle wants it.
# Signatures are made by openssl, one by each private key, in this order.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use Time::Local qw(timegm);

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

sub member {
    my ($name, $data, $time) = @_;
    my $size = length $data;
    my $header = pack 'a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 a12', $name, "000644 ", "000000 ",
        "000000 ", sprintf('%011o ', $size), sprintf('%011o ', $time), '', '0', '', "ustar\0", '00', '', '',
        "000000 ", "000000 ", '', '';
    substr($header, 148, 8) = sprintf "%06o\0 ", unpack '%32C*', $header;
    return $header . $data . "\0" x (-$size % 512);
}

# One line's worth of a value: what INI would take otherwise, and a blank at either end, stand as %XX.
sub escape {
    my ($piece) = @_;
    $piece =~ s/([^\x20-\x7e]|[;#%]|^ | \z)/sprintf '%%%02X', ord $1/ge;
    return $piece;
}

# Each line of a value holds the longest piece that has at most 120 characters when it is escaped.
sub lines {
    my ($value) = @_;
    my @lines;
    while (length $value) {
        my $size = length $value < 120 ? length $value : 120;
        $size-- while length escape(substr $value, 0, $size) > 120;
        push @lines, escape(substr $value, 0, $size, '');
    }
    return join "\n\t", @lines;
}

sub encode {
    my ($text) = @_;
    $text =~ s/^([a-z0-9.-]+ = )(.+)$/$1 . lines($2)/gme;
    return $text;
}

sub openssl {
    my @command = @_;
    open my $pipe, '-|:raw', 'openssl', @command or die "openssl: $!\n";
    local $/;
    my $output = <$pipe>;
    close $pipe or die "openssl @command failed\n";
    return $output;
}

my ($manifest_path, $payload_path, @keys) = @ARGV;
my $manifest = encode(slurp($manifest_path));
$manifest =~ /^created = (\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/m or die "no creation time\n";
my $time = timegm($6, $5, $4, $3, $2 - 1, $1);
my $archive = member('manifest.ini', $manifest, $time) . member('patch.so', slurp($payload_path), $time) . "\0" x 1024;

my $statement = sprintf "hotfix bundle 1\nsize %d\nsha256 %s\n", length $archive, sha256_hex($archive);
my $statement_path = ($ENV{TMPDIR} // '/tmp') . "/hotfix-statement.$$";
open my $file, '>:raw', $statement_path or die "$statement_path: $!\n";
print $file $statement;
close $file or die "$statement_path: $!\n";

my $block = 'HFSIGS01' . pack 'V', scalar @keys;
for my $key (@keys) {
    my $id = substr sha256(substr openssl('pkey', '-in', $key, '-pubout', '-outform', 'DER'), -32), 0, 16;
    my $signature = openssl('pkeyutl', '-sign', '-rawin', '-inkey', $key, '-in', $statement_path);
    $block .= pack('v v V', 1, length $id, length $signature) . $id . $signature;
}
unlink $statement_path;

binmode STDOUT;
print $archive, $block, pack('V V', length $block, 0), "HOTFIX1\n";
close STDOUT or die "standard output: $!\n";
