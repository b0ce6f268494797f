# Writes standard.json: standardised shares by R's packages survey (Lumley) and epitools (Aragon), for sessions
# that everybody can make again.
#   apt-get install r-base-core r-cran-survey r-cran-epitools
#   Rscript lab/accuracy/src/standard.R > lab/accuracy/src/standard.json
suppressPackageStartupMessages({ library(survey); library(epitools) })
options(digits = 17, survey.lonely.psu = "fail")

# A multiplicative generator (Park and Miller). A session has a group, a stratum and up to ten minutes of audio, a
# share of which is poor if it is ever poor. It has as much video or less, which is poor for as long, if it is so long.
sessions <- function(seed, count, strata, never_poor) {
  state <- seed
  draw <- function() { state <<- (state * 48271) %% 2147483647; state }
  rows <- lapply(seq_len(count), function(i) {
    u <- draw() %% 100
    group <- if (draw() %% 3 == 0) "a" else "b"
    # Group a has more of the last strata, which are worse, and b more of the first.
    place <- (u * u * strata) %/% 10000
    stratum <- if (group == "a") strata - 1 - place else place
    whole <- 1000 + draw() %% 600000
    luck <- draw()
    ever <- (luck %/% 1000) %% 10 + stratum %/% 2 >= never_poor
    part <- if (ever) (whole * (luck %% 1000)) %/% 1000 else 0
    video <- 1 + (whole * (draw() %% 1000)) %/% 1000
    bad <- min(video, part)
    data.frame(session = i, group = group, stratum = stratum, w = whole, y = part, wv = video, yv = bad)
  })
  do.call(rbind, rows)
}

number <- function(x) sprintf("%.17g", x)
fields <- function(...) {
  of <- list(...)
  paste0("{", paste0('"', names(of), '": ', unlist(of), collapse = ", "), "}")
}

# A group's ratio in each stratum, and their sum with the weights of the union. Strata of the design, so that
# each has n / (n - 1) of its own.
standardised <- function(data, weight, id, cell) {
  data$id <- id; data$cell <- factor(cell)
  # The sessions of a profile may be in several cells, but not in several profiles.
  design <- svydesign(ids = ~id, strata = ~profile, weights = rep(1, nrow(data)), data = data, nest = TRUE)
  by <- svyby(~y, by = ~cell, denominator = ~w, design = design, FUN = svyratio, covmat = TRUE)
  svycontrast(by, weight[as.character(by$cell)])
}

case <- function(seed, count, strata, never_poor) {
  data <- sessions(seed, count, strata, never_poor)
  data$profile <- data$stratum
  weight <- tapply(data$w, data$stratum, sum) / sum(data$w)
  found <- lapply(c(a = "a", b = "b"), function(group) {
    of <- data[data$group == group, ]
    standardised(of, weight, of$session, of$stratum)
  })
  # Audio and video of one session, as one cluster of two cells.
  long <- rbind(transform(data, cell = paste("audio", stratum)),
                transform(data, cell = paste("video", stratum), w = wv, y = yv))
  mix <- tapply(long$w, long$cell, sum) / sum(long$w)
  both <- lapply(c(a = "a", b = "b"), function(group) {
    of <- long[long$group == group, ]
    standardised(of, mix, of$session, of$cell)
  })
  by_stratum <- function(column, group) {
    of <- data[data$group == group, ]
    sapply(names(weight), function(at) sum(of[[column]][of$stratum == at]))
  }
  direct <- sapply(c(a = "a", b = "b"), function(group)
    ageadjust.direct(by_stratum("y", group), by_stratum("w", group),
                     stdpop = tapply(data$w, data$stratum, sum)))
  # survey's own standardisation of the mean share, each session weighted with its time.
  own <- svydesign(ids = ~1, strata = ~interaction(group, stratum), weights = ~w,
                   data = transform(data, share = y / w))
  own <- svystandardize(own, by = ~stratum, over = ~group, population = as.vector(weight))
  own <- svyby(~share, ~group, own, svymean)
  raw <- lapply(c(a = "a", b = "b"), function(group) {
    of <- data[data$group == group, ]
    svyratio(~y, ~w, svydesign(ids = ~1, weights = rep(1, nrow(of)), data = of))
  })
  group <- function(name) fields(
    sessions = sum(data$group == name),
    share = number(coef(found[[name]])), standard_error = number(SE(found[[name]])),
    epitools = number(direct["adj.rate", name]), svystandardize = number(own$share[own$group == name]),
    raw = number(coef(raw[[name]])), raw_error = number(SE(raw[[name]])),
    both_kinds = number(coef(both[[name]])), both_kinds_error = number(SE(both[[name]])))
  fields(seed = seed, count = count, strata = strata, never_poor = never_poor, a = group("a"), b = group("b"))
}

findings <- function(p, q) {
  stands <- p.adjust(p, "BH") <= q
  fields(q = q, p = paste0("[", paste(number(p), collapse = ", "), "]"),
         stands = paste0("[", paste(ifelse(stands, "true", "false"), collapse = ", "), "]"))
}

cases <- list(case(1, 300, 4, 3), case(2, 2000, 12, 8), case(3, 900, 6, 10), case(4, 600, 2, 5))
many <- list(
  findings(c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216), 0.05),
  findings(c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216), 0.1),
  findings(c(0.9, 0.02, 0.02, 0.5, 0.00001, 0.04), 0.1),
  findings(c(0.3, 0.6, 0.2), 0.1))
cat("{\n \"survey\": [\n  ", paste(cases, collapse = ",\n  "), "\n ],\n \"findings\": [\n  ",
    paste(many, collapse = ",\n  "), "\n ]\n}\n", sep = "")
