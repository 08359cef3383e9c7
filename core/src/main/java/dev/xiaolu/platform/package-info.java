/// The world as interfaces, with the real versions beside them: clock, disk, random keys, and the words of an error.
package dev.xiaolu.platform;
