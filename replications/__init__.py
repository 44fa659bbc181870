"""The five published systems again: their figures on their protocol, and on an honest one."""
