-- The bookstore: authors write books, and a book is sold in one or more formats.
CREATE TABLE IF NOT EXISTS authors (
  author_id INT          NOT NULL PRIMARY KEY,
  name      VARCHAR(100) NOT NULL UNIQUE,
  born      SMALLINT     NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS books (
  book_id   INT           NOT NULL PRIMARY KEY,
  author_id INT           NOT NULL,
  title     VARCHAR(200)  NOT NULL,
  category  VARCHAR(40)   NOT NULL,
  published SMALLINT      NOT NULL,
  price     DECIMAL(6, 2) NOT NULL,
  UNIQUE KEY one_title_per_author (author_id, title),
  KEY by_category (category),
  FOREIGN KEY (author_id) REFERENCES authors (author_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS formats (
  book_id INT         NOT NULL,
  format  VARCHAR(20) NOT NULL,
  code    CHAR(8)     NOT NULL,
  PRIMARY KEY (book_id, format),
  FOREIGN KEY (book_id) REFERENCES books (book_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
