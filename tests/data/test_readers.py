"""Every reader keeps the contract of `reader_contract`."""

from __future__ import annotations

from typing import ClassVar, get_args

from reader_contract import ReaderContract

from reelbench.data.readers import ReadConfig

FLAGS = "|".join("1" if place in (5, 8) else "0" for place in range(19))  # comedy and drama


class TestAtomic(ReaderContract):
    data = "ml-100k"
    files: ClassVar = {
        "ml-100k.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "2\t5\t3\t881250949\n1\t7\t4\t8\n",
        "ml-100k.item": "item_id:token\tmovie_title:token_seq\trelease_year:token\t"
        "class:token_seq\n"
        "5\tUsual Suspects, The\t1995\tCrime Thriller\n7\tGood Morning\t1971\tunknown\n",
        "ml-100k.user": "user_id:token\tage:token\tgender:token\toccupation:token\t"
        "zip_code:token\n"
        "2\t53\tF\tother\t94043\n1\t24\tM\ttechnician\t85711\n",
        "ml-100k.kg": "head_id:token\trelation_id:token\ttail_id:token\n"
        "m.a\tfilm.film.actor\tm.b\nm.a\tfilm.film.directed_by\tm.c\n",
    }
    optional = ("ml-100k.user", "ml-100k.kg")
    counts = (2, 2, 2, 0)
    unreadable: ClassVar = {
        **{"ml-100k.inter": "1\t5", "ml-100k.item": "9\tNil", "ml-100k.user": "3"},
        "ml-100k.kg": "m.a\tfilm.film.actor",
    }


class TestMovieLens100K(ReaderContract):
    data = "ml-100k"
    files: ClassVar = {
        "u.data": "2\t5\t3\t881250949\n1\t7\t4\t8\n",
        "u.item": f"5|Misérables, Les (1995)|01-Jan-1995||u|{FLAGS}\n7|Nil||||{FLAGS}\n",
        "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
    }
    fixed_encoding: ClassVar = {"u.item": "latin-1", "u.user": "latin-1"}
    optional = ("u.user",)
    counts = (2, 2, 2, 0)
    unreadable: ClassVar = {"u.data": "1\t5", "u.item": "9|Nil", "u.user": "3|1"}


class TestMovieLensDat(ReaderContract):
    data = "ml-10m"
    files: ClassVar = {
        "ratings.dat": "1::122::4.5::838985046\n2::1::0.5::868244562\n",
        "movies.dat": "1::Amélie (2001)::Comedy\n122::X (1992)::(no genres listed)\n",
        "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n",
        "tags.dat": "1::122::très bon::1215184630\n2::1::good::1215184631\n",
    }
    optional = ("users.dat", "tags.dat")
    counts = (2, 2, 2, 2)
    unreadable: ClassVar = {
        "ratings.dat": "1::1",
        "movies.dat": "9::Nil",
        "users.dat": "3::F",
        "tags.dat": "1::1",
    }


class TestMovieLensCsv(ReaderContract):
    data = "ml-20m"
    files: ClassVar = {
        "ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n2,3,4,1112486028\n",
        "movies.csv": 'movieId,title,genres\n2,Jumanji (1995),Adventure\n3,"Net, The (1995)",\n',
        "tags.csv": "userId,movieId,tag,timestamp\n1,2,game,1240597180\n2,3,net,1240597181\n",
    }
    optional = ("tags.csv",)
    counts = (2, 2, 0, 2)
    unreadable: ClassVar = {"ratings.csv": "1,2", "movies.csv": "4,Nil", "tags.csv": "1,2"}


class TestNetflix(ReaderContract):
    data = "netflix"
    files: ClassVar = {
        "combined_data_1.txt": "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
        "movie_titles.csv": "1,2003,Dinosaur Planet\n3,1997,Pokémon, 2\n",
    }
    fixed_encoding: ClassVar = {"movie_titles.csv": "latin-1"}
    counts = (2, 2, 0, 0)
    unreadable: ClassVar = {"combined_data_1.txt": "7;1;2005-01-01", "movie_titles.csv": "9,2000"}


class TestTable(ReaderContract):
    data = "csv"
    files: ClassVar = {
        "ratings.csv": "user_id,item_id,rating,timestamp\na,1,4,1112486027\nb,2,3,1112486028\n",
        "items.csv": "item_id,title,genres\n1,Heat (1995),Crime|Drama\n2,Up,\n",
    }
    counts = (2, 2, 0, 0)
    unreadable: ClassVar = {"ratings.csv": "a,2", "items.csv": "3,Nil"}


class TestTmdb(ReaderContract):
    data = "tmdb-5000"
    _movie: ClassVar = {
        **{"id": "1", "title": "Batman", "vote_average": "7.0", "vote_count": "9"},
        **{"genres": "[]", "keywords": "[]", "production_companies": "[]", "budget": "0"},
        **{"overview": "A bat.", "tagline": "", "original_language": "en", "revenue": "5"},
        **{"release_date": "1989-06-23", "runtime": "126.0", "popularity": "1.5"},
    }
    files: ClassVar = {
        "tmdb_5000_movies.csv": ",".join(_movie) + "\n" + ",".join(_movie.values()) + "\n",
        "tmdb_5000_credits.csv": "movie_id,title,cast,crew\n1,Batman,[],[]\n",
    }
    optional = ("tmdb_5000_credits.csv",)
    counts = (1, 1, 0, 0)
    unreadable: ClassVar = {"tmdb_5000_movies.csv": "1,2", "tmdb_5000_credits.csv": "1,Nil,?,[]"}


def test_no_format_is_missing() -> None:
    formats = {contract().config().format for contract in ReaderContract.__subclasses__()}
    assert formats == {*get_args(ReadConfig.model_fields["format"].annotation)}
